// SPDX-License-Identifier: AGPL-3.0-or-later
// The widget's words in five languages. {name} is filled in.
const en = {
  open: 'Open the chat',
  close: 'Close the chat',
  unread: '{n} new',
  online: 'We are here',
  offline: 'We are away',
  opens: 'back {when}',
  chat: 'Chat with {name}',
  log: 'Conversation',
  write: 'Write a message',
  send: 'Send',
  attach: 'Send a file',
  earlier: 'Earlier messages',
  you: 'You',
  sending: 'Sending',
  waiting: 'Goes out when the connection is back',
  sent: 'Sent',
  read: 'Read',
  failed: 'Not sent.',
  retry: 'Try again',
  typing: '{name} is writing',
  deleted: 'This message was withdrawn',
  edited: 'edited',
  lost: 'No connection. We keep trying.',
  back: 'Connected again',
  name: 'Your name',
  email: 'Your e-mail',
  message: 'Your message',
  start: 'Start the chat',
  leave: 'Leave a message',
  away: 'Nobody is here just now. Leave a message and we will answer.',
  awayChat: 'Nobody is here just now. Write anyway: the answer waits for you here.',
  optional: 'optional',
  privacy: 'Privacy',
  big: 'This file is larger than {n} MB.',
  upload: 'Sending {name}',
  uploadFailed: '{name} could not be sent.',
  file: 'Download {name}',
  picture: 'Picture {name}',
  gone: 'The chat is closed at the moment.',
  signIn: 'Sign in to chat with us.',
  needed: 'Please fill this in.',
  badEmail: 'Please give a whole e-mail address.',
  choose: 'Choose',
}
export type Word = keyof typeof en
type Words = Record<Word, string>
const et: Words = {
  open: 'Ava vestlus', close: 'Sulge vestlus', unread: '{n} uut', online: 'Oleme kohal', offline: 'Oleme ära', opens: 'tagasi: {when}', chat: 'Vestlus: {name}', log: 'Vestlus', write: 'Kirjuta sõnum', send: 'Saada', attach: 'Saada fail',
  earlier: 'Varasemad sõnumid', you: 'Sina', sending: 'Saatmisel', waiting: 'Läheb teele, kui ühendus taastub', sent: 'Saadetud', read: 'Loetud', failed: 'Saatmata.', retry: 'Proovi uuesti', typing: '{name} kirjutab', deleted: 'See sõnum võeti tagasi',
  edited: 'muudetud', lost: 'Ühendus puudub. Proovime edasi.', back: 'Ühendus on taas olemas', name: 'Sinu nimi', email: 'Sinu e-post', message: 'Sinu sõnum', start: 'Alusta vestlust', leave: 'Jäta sõnum', away: 'Praegu pole kedagi kohal. Jäta sõnum ja me vastame.',
  awayChat: 'Praegu pole kedagi kohal. Kirjuta ikka: vastus ootab sind siin.', optional: 'valikuline', privacy: 'Privaatsus', big: 'Fail on suurem kui {n} MB.', upload: 'Saadan: {name}', uploadFailed: 'Faili {name} ei õnnestunud saata.', file: 'Laadi alla {name}', picture: 'Pilt {name}',
  gone: 'Vestlus on hetkel suletud.', signIn: 'Vestlemiseks logi sisse.', needed: 'Palun täida see.', badEmail: 'Palun kirjuta terve e-posti aadress.', choose: 'Vali',
}
const fi: Words = {
  open: 'Avaa keskustelu', close: 'Sulje keskustelu', unread: '{n} uutta', online: 'Olemme paikalla', offline: 'Emme ole paikalla', opens: 'takaisin: {when}', chat: 'Keskustelu: {name}', log: 'Keskustelu', write: 'Kirjoita viesti', send: 'Lähetä', attach: 'Lähetä tiedosto',
  earlier: 'Aiemmat viestit', you: 'Sinä', sending: 'Lähetetään', waiting: 'Lähtee, kun yhteys palaa', sent: 'Lähetetty', read: 'Luettu', failed: 'Ei lähetetty.', retry: 'Yritä uudelleen', typing: '{name} kirjoittaa', deleted: 'Viesti peruttiin',
  edited: 'muokattu', lost: 'Ei yhteyttä. Yritämme yhä.', back: 'Yhteys palasi', name: 'Nimesi', email: 'Sähköpostisi', message: 'Viestisi', start: 'Aloita keskustelu', leave: 'Jätä viesti', away: 'Kukaan ei ole nyt paikalla. Jätä viesti, niin vastaamme.',
  awayChat: 'Kukaan ei ole nyt paikalla. Kirjoita silti: vastaus odottaa sinua täällä.', optional: 'valinnainen', privacy: 'Tietosuoja', big: 'Tiedosto on suurempi kuin {n} Mt.', upload: 'Lähetetään {name}', uploadFailed: 'Tiedostoa {name} ei voitu lähettää.', file: 'Lataa {name}', picture: 'Kuva {name}',
  gone: 'Keskustelu on nyt suljettu.', signIn: 'Kirjaudu sisään keskustellaksesi.', needed: 'Täytä tämä.', badEmail: 'Anna kokonainen sähköpostiosoite.', choose: 'Valitse',
}
const id: Words = {
  open: 'Buka obrolan', close: 'Tutup obrolan', unread: '{n} baru', online: 'Kami di sini', offline: 'Kami sedang tidak di tempat', opens: 'kembali {when}', chat: 'Obrolan dengan {name}', log: 'Percakapan', write: 'Tulis pesan', send: 'Kirim', attach: 'Kirim berkas',
  earlier: 'Pesan sebelumnya', you: 'Anda', sending: 'Mengirim', waiting: 'Terkirim saat koneksi kembali', sent: 'Terkirim', read: 'Dibaca', failed: 'Tidak terkirim.', retry: 'Coba lagi', typing: '{name} sedang menulis', deleted: 'Pesan ini ditarik kembali',
  edited: 'diubah', lost: 'Tidak ada koneksi. Kami terus mencoba.', back: 'Terhubung kembali', name: 'Nama Anda', email: 'E-mail Anda', message: 'Pesan Anda', start: 'Mulai obrolan', leave: 'Tinggalkan pesan', away: 'Sedang tidak ada orang. Tinggalkan pesan dan kami akan menjawab.',
  awayChat: 'Sedang tidak ada orang. Tulis saja: jawabannya menunggu Anda di sini.', optional: 'opsional', privacy: 'Privasi', big: 'Berkas ini lebih dari {n} MB.', upload: 'Mengirim {name}', uploadFailed: '{name} tidak dapat dikirim.', file: 'Unduh {name}', picture: 'Gambar {name}',
  gone: 'Obrolan sedang ditutup.', signIn: 'Masuk untuk mengobrol dengan kami.', needed: 'Harap isi ini.', badEmail: 'Harap tulis alamat e-mail lengkap.', choose: 'Pilih',
}
const ko: Words = {
  open: '채팅 열기', close: '채팅 닫기', unread: '새 메시지 {n}개', online: '지금 상담할 수 있어요', offline: '지금은 자리에 없어요', opens: '{when}에 다시 열어요', chat: '{name} 채팅', log: '대화', write: '메시지 쓰기', send: '보내기', attach: '파일 보내기',
  earlier: '이전 메시지', you: '나', sending: '보내는 중', waiting: '연결되면 보냅니다', sent: '보냄', read: '읽음', failed: '보내지 못했습니다.', retry: '다시 시도', typing: '{name} 님이 쓰는 중', deleted: '취소된 메시지입니다',
  edited: '수정됨', lost: '연결이 끊겼습니다. 계속 시도합니다.', back: '다시 연결되었습니다', name: '이름', email: '이메일', message: '메시지', start: '채팅 시작', leave: '메시지 남기기', away: '지금은 자리에 없습니다. 메시지를 남기시면 답해 드립니다.',
  awayChat: '지금은 자리에 없습니다. 글을 남기시면 답변이 여기에서 기다립니다.', optional: '선택', privacy: '개인정보', big: '파일이 {n}MB보다 큽니다.', upload: '{name} 보내는 중', uploadFailed: '{name} 파일을 보내지 못했습니다.', file: '{name} 내려받기', picture: '사진 {name}',
  gone: '지금은 채팅을 닫아 두었습니다.', signIn: '로그인하면 채팅할 수 있습니다.', needed: '입력해 주세요.', badEmail: '이메일 주소를 끝까지 써 주세요.', choose: '선택',
}
const all: Record<string, Words> = { en, et, fi, id, ko }

// The first language that is known among those wished for.
export function pick(wishes: (string | null | undefined)[]): string {
  for (const wish of wishes) {
    const short = (wish ?? '').toLowerCase().split('-')[0] ?? ''
    if (short in all) return short
  }
  return 'en'
}
export const say = (language: string, word: Word, fill: Record<string, string | number> = {}): string =>
  (all[language] ?? en)[word].replace(/\{(\w+)\}/g, (_, name: string) => String(fill[name] ?? ''))
