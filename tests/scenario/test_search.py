# SPDX-License-Identifier: AGPL-3.0-or-later
"""Search finds what was said, in every script, and no longer what was unsaid."""
import urllib.parse

from lib.heed import Channel, iso, until

TEXTS = {
    "ko": "안녕하세요 주문이 아직 안 왔어요", "ar": "أين طلبي؟ لم يصل الطرد", "th": "สินค้ายังไม่มาถึงเลยครับ", "zh": "我的包裹还没有到",
    "ja": "荷物がまだ届きません", "et": "Öörahu, tellimus jäi ära", "de": "Die Straße ist gesperrt, Größe XL", "en": "Where's the parcel? It's order A-1234.", "hi": "मेरा ऑर्डर कहाँ है", "fr": "déjà reçu café",
}
FINDS = [("주문", "ko"), ("주문이", "ko"), ("안녕", "ko"), ("طلبي", "ar"), ("الطرد", "ar"), ("สินค้า", "th"), ("ถึง", "th"), ("包裹", "zh"), ("包", "zh"), ("荷物", "ja"), ("届き", "ja"), ("öörahu", "et"), ("ÖÖRAHU", "et"),
         ("straße", "de"), ("grö*", "de"), ("parcel", "en"), ('"order A-1234"', "en"), ("1234", "en"), ("par*", "en"), ("ऑर्डर", "hi"), ("café", "fr"), ("DÉJÀ", "fr"), ('"안 왔어요"', "ko"), ("parcel order", "en"), ("(parcel OR 包裹) -包裹", "en")]
NOTHING = ["cafe", "oorahu", "arcel", "strase", "없는말", '"order parcel"', "parcel 包裹", "ไม่มีคำนี้", "طرود"]


def test_words_are_found_in_every_script(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    for key, text in TEXTS.items():
        channel.customer(text, thread=key, author=key)
    until(lambda: len(api.conversations()) == len(TEXTS) and api.conversations("déjà"), 15, "all being indexed")
    until(lambda: not api.get("status")["indexing"], 10)
    previews = {text: key for key, text in TEXTS.items()}

    def found(q):
        return sorted(previews[c["preview"]] for c in api.conversations(q))
    until(lambda: all(found(text.split()[0].strip("?؟,")) for text in TEXTS.values()), 10, "all being findable")
    assert [(q, found(q)) for q, key in FINDS if found(q) != [key]] == []
    assert [(q, found(q)) for q in NOTHING if found(q)] == []


def test_edited_and_deleted_words_are_gone_and_new_ones_are_there(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    channel.customer("the zebra is striped 얼룩말", id="m1", thread="a", author="a")
    channel.customer("the okapi is too", id="m2", thread="b", author="b")
    until(lambda: api.conversations("zebra") and api.conversations("okapi"), 10)
    channel.post({"type": "message.edited", "id": "m1", "thread": "a", "text": "the giraffe is tall 기린", "at": iso()})
    channel.post({"type": "message.deleted", "id": "m2", "thread": "b", "at": iso()})
    until(lambda: api.conversations("giraffe") and api.conversations("기린"), 10, "the new words")
    until(lambda: not api.conversations("zebra") and not api.conversations("얼룩말") and not api.conversations("okapi"), 10, "the old words going")
    assert len(api.conversations("is:any -zebra")) == 2
    note = api.post(f"conversations/{api.conversations('giraffe')[0]['id']}/messages", {"kind": "note", "text": "ask the keeper"})
    assert note["id"]
    until(lambda: api.conversations("keeper has:note"), 10, "a note being found")
    assert len(api.conversations("keeper OR okapi")) == 1


def test_a_mistake_in_a_query_says_where_and_what(world):
    server = world()
    api = server.api()
    for q, position in (("tag:", 4), ("(a", 0), ("is:nothing", 3), ("colour:red", 0), ("a OR", 4), ("주문 nothere:x", 3), ('"open', 0)):
        answer = api.call("GET", "conversations?" + urllib.parse.urlencode({"q": q}))
        assert answer.status == 400, (q, answer)
        error = answer.json["errors"][0]
        assert error["field"] == "q" and abs(error["position"] - position) <= 1 and error["expected"], (q, error)
