// SPDX-License-Identifier: AGPL-3.0-or-later
// The demo's texts, in English, Indonesian, Estonian, Finnish and Korean.
#include "cli/demo_script.h"

const struct demo_person demo_people[] = {
    {"priya", "Priya Raman", "priya.r", "en"},
    {"tom", "Tom Okafor", "tomokafor", "en"},
    {"hannah", "Hannah Weiss", "hannahw", "en"},
    {"marcus", "Marcus Bell", "mbell", "en"},
    {"lena", "Lena Fischer", "lena_f", "en"},
    {"oisin", "Oisín Byrne", "oisin.b", "en"},
    {"dewi", "Dewi Lestari", "dewilestari", "id"},
    {"budi", "Budi Santoso", "budi.s", "id"},
    {"siti", "Siti Rahma", "sitirahma", "id"},
    {"agus", "Agus Pratama", "agusp", "id"},
    {"kadri", "Kadri Lepik", "kadril", "et"},
    {"marek", "Marek Saar", "marek.saar", "et"},
    {"liis", "Liis Kõiv", "liisk", "et"},
    {"aino", "Aino Virtanen", "ainov", "fi"},
    {"juhani", "Juhani Koskinen", "juhanik", "fi"},
    {"paivi", "Päivi Mäkelä", "paivi.m", "fi"},
    {"seoyeon", "박서연", "seoyeon.p", "ko"},
    {"junho", "이준호", "junho_lee", "ko"},
    {"minji", "최민지", "minji.c", "ko"},
    {"haneul", "정하늘", "haneul", "ko"},
    {},
};

const struct demo_person *demo_person_find(struct str slug)
{
    for (const struct demo_person *p = demo_people; p->slug; p++) {
        if (str_eq(slug, str_from(p->slug)))
            return p;
    }
    return NULL;
}

#define OWNER "mari@saltmarsh.example"
#define RINA  "rina@saltmarsh.example"
#define JIWOO "jiwoo@saltmarsh.example"
#define MIKKO "mikko@saltmarsh.example"

const struct demo_story demo_stories[] = {
    {.slug = "aino",
     .minutes_ago = 26 * 60,
     .text = "Hei, saappaiden vetoketju meni rikki toisella käyttökerralla. Miten teen reklamaation? "
             "Tilausnumero on 48102.",
     .more = "Kuitti löytyy, mutta alkuperäistä laatikkoa minulla ei enää ole.",
     .tags = "complaint,boots",
     .assignee = MIKKO},
    {.slug = "junho",
     .minutes_ago = 7 * 60 + 20,
     .text = "환불 신청한 지 열흘이 지났는데 아직 카드에 입금이 안 됐어요. 주문번호 48077입니다. 확인 "
             "부탁드립니다.",
     .priority = "urgent",
     .tags = "refund",
     .assignee = JIWOO,
     .note = "카드사에 문의해 둠. 내일 오전까지 답이 온다고 함."},
    {.slug = "priya",
     .minutes_ago = 5 * 60 + 10,
     .text = "Hi, order 48213 says delivered yesterday at 14:10, but nothing is here and my neighbours have "
             "nothing either. "
             "Can you check with the courier?",
     .more = "It is a birthday present for Saturday, so I am getting a bit nervous.",
     .priority = "high",
     .tags = "parcel lost"},
    {.slug = "marcus",
     .minutes_ago = 4 * 60 + 35,
     .text = "I was charged twice for order 48166: two payments of 89.00 on the same day. Please refund one "
             "of them.",
     .priority = "urgent",
     .tags = "refund,payment"},
    {.slug = "dewi",
     .minutes_ago = 95,
     .text =
         "Selamat siang, saya sudah transfer untuk pesanan 48190, tapi statusnya masih menunggu pembayaran. "
         "Bukti transfer sudah saya kirim lewat email.",
     .tags = "payment",
     .assignee = RINA},
    {.slug = "tom",
     .is_public = true,
     .minutes_ago = 55,
     .text = "Your size chart says M fits 96–101 cm chest. The jacket I got measures 90. Is the chart wrong, "
             "or the jacket?",
     .tags = "sizes"},
    {.slug = "kadri",
     .minutes_ago = 41,
     .text = "Tere! Tellisin kaks villast salli, aga pakis oli ainult üks. Tellimuse number on 48177.",
     .tags = "missing item",
     .assignee = OWNER},
    {.slug = "budi",
     .is_public = true,
     .minutes_ago = 34,
     .text = "Kapan ransel warna hijau tersedia lagi? Sudah tiga minggu habis terus.",
     .tags = "stock"},
    {.slug = "seoyeon",
     .minutes_ago = 12,
     .text =
         "안녕하세요, 주문한 코트가 생각보다 작아요. 한 사이즈 큰 걸로 교환하려면 배송비를 제가 내야 하나요?",
     .tags = "exchange,sizes"},
    {.slug = "hannah",
     .minutes_ago = 9,
     .text =
         "My code SPRING15 is refused at checkout. It says expired, although your mail says until Sunday."},
    {.slug = "juhani",
     .minutes_ago = 6,
     .text = "Paketti on ollut Vantaalla jo viisi päivää. Onko se jumissa jossain?",
     .tags = "parcel lost"},
    {.slug = "marek",
     .minutes_ago = 200,
     .text = "Kas saaksite arve saata firma nimele? Saar Puit OÜ, tellimus 48151.",
     .answer = "Muidugi! Saatsin uue arve teie e-postile. Kui midagi on puudu, andke teada.",
     .tags = "invoice",
     .assignee = OWNER},
    {.slug = "siti",
     .is_public = true,
     .minutes_ago = 300,
     .text = "Jaketnya bagus sekali, jahitannya rapi. Terima kasih ya!",
     .answer = "Senang mendengarnya, Kak Siti! Selamat memakai 😊",
     .assignee = RINA},
    {.slug = "lena",
     .minutes_ago = 130,
     .text = "Does the wool blanket come in 200 × 220? The page only shows the small one.",
     .answer = "It does, from next week on. I can keep one for you if you like.",
     .assignee = MIKKO},
    {.slug = "minji",
     .is_public = true,
     .minutes_ago = 3,
     .text = "겨울 장갑 재입고 언제 되나요? 블랙 색상으로요!",
     .tags = "stock"},
    {},
};

const struct demo_line demo_lines[] = {
    {"en", false, "Can I still change the delivery address of my order? I moved last week."},
    {"en", false, "The tracking link just shows an error page. Do you have another one?"},
    {"en", true, "Love the new raincoat, but the left pocket seam is already coming loose after two walks."},
    {"en", false, "How long do I have to return something I bought as a gift?"},
    {"en", false, "I ordered the blue one and got the grey one. Happy to keep it for a discount, honestly."},
    {"en", true,
     "Are your sweaters really made without mulesing? I can't find anything about it on the page."},
    {"en", false, "I can't sign in to my account any more, and the reset mail never arrives."},
    {"en", false, "Do you ship to the Faroe Islands, and what does it cost?"},
    {"en", true, "Third time I write about the missing buttons. Is anybody there?"},
    {"en", false, "The gift card I got for Christmas has a code with only 11 characters. The form wants 12."},
    {"id", false, "Halo kak, pesanan saya 48301 kok belum dikirim juga ya? Sudah empat hari."},
    {"id", false, "Apakah bisa tukar ukuran kalau labelnya sudah saya lepas?"},
    {"id", true, "Warna di foto beda jauh sama aslinya. Agak kecewa sih."},
    {"id", false, "Kode promo gratis ongkir tidak bisa dipakai, muncul tulisan tidak berlaku."},
    {"id", false, "Barang sudah sampai, tapi ritsleting tasnya macet. Bagaimana cara klaim garansi?"},
    {"id", true, "Toko di Bandung buka sampai jam berapa hari Minggu?"},
    {"et", false, "Tere, kas ma saan tellimuse veel tühistada? Vajutasin kogemata kaks korda."},
    {"et", false, "Pakiautomaat ütleb, et kood on vale. Mida ma nüüd teen?"},
    {"et", true, "Kas lastejope on päriselt veekindel või ainult vetthülgav?"},
    {"et", false, "Sain vale suuruse: tellisin 38, tuli 40."},
    {"et", false, "Millal raha tagasi tuleb? Saatsin jope tagasi eelmisel esmaspäeval."},
    {"fi", false, "Hei! Voinko vaihtaa toimitustavan noudoksi, kun paketti on jo matkalla?"},
    {"fi", true, "Missä kokotaulukko on? Sivulla on vain kuva, joka ei aukea."},
    {"fi", false, "Lahjakortti ei toimi kassalla, vaikka saldoa pitäisi olla 50 euroa."},
    {"fi", false, "Takissa oli reikä hihassa suoraan pakkauksesta. Kuva liitteenä pian."},
    {"fi", true, "Onko kivijalkakaupassa Tampereella näitä sinisiä pipoja?"},
    {"ko", false, "배송 조회가 이틀째 그대로예요. 혹시 분실된 건가요?"},
    {"ko", false, "세탁했더니 니트가 많이 줄었어요. 라벨대로 했는데 교환 가능한가요?"},
    {"ko", true, "이 가방 노트북 15인치 들어가나요?"},
    {"ko", false, "주문 취소 버튼이 안 눌려요. 취소 부탁드립니다."},
    {"ko", true, "색상이 화면이랑 거의 똑같아요! 만족합니다."},
    {"ko", false, "영수증을 현금영수증으로 다시 발급받을 수 있을까요?"},
};
const size_t demo_n_lines = ARRAY_LEN(demo_lines);

const struct demo_line demo_thanks[] = {
    {"en", false, "Thank you, that was quick!"},
    {"en", false, "Great, then I'll wait for the mail."},
    {"en", false, "Hm, on my side it still looks the same. Could you look once more?"},
    {"en", false, "Perfect. One more thing: can you leave it with the neighbour if I'm out?"},
    {"id", false, "Baik kak, terima kasih banyak bantuannya!"},
    {"id", false, "Oh begitu. Berarti kira-kira sampai hari apa ya?"},
    {"id", false, "Sudah saya coba, masih belum bisa."},
    {"et", false, "Aitäh, väga kiire vastus!"},
    {"et", false, "Selge. Kas ma pean ise midagi veel tegema?"},
    {"et", false, "Proovisin, aga ikka ei tööta."},
    {"fi", false, "Kiitos, tämäpä selvisi nopeasti!"},
    {"fi", false, "Selvä. Tuleeko siitä vielä sähköposti?"},
    {"fi", false, "Valitettavasti ei auttanut, sama virhe tulee yhä."},
    {"ko", false, "빠른 답변 감사합니다!"},
    {"ko", false, "네, 그럼 언제쯤 받아볼 수 있을까요?"},
    {"ko", false, "아직도 똑같이 나오네요. 다시 한번 확인해 주세요."},
};
const size_t demo_n_thanks = ARRAY_LEN(demo_thanks);
