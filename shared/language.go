package shared

// Languages are the tags of [message.Languages], in the same order.
var Languages = []string{"en", "de"}

// LanguageCookie holds the language that the user chose, for pages that the server renders
// and for users who are not signed in. It contains nothing personal, so sign-out keeps it.
const LanguageCookie = "latchkey.language"

// ZoneCookie holds the name of the browser's time zone, for pages that the server renders. Like
// [LanguageCookie], it stays after sign-out.
const ZoneCookie = "latchkey.zone"
