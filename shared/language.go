package shared

// Languages are the tags of [message.Languages], in the same order.
var Languages = []string{"en", "de"}

// LanguageCookie has the language that the person chose, for the pages that the
// server makes and for when nobody is signed in. It says nothing about anybody,
// so it stays when the rest is wiped.
const LanguageCookie = "latchkey.language"
