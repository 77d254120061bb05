package shared

// Languages are the tags of [message.Languages], in the same order.
var Languages = []string{"en", "de"}

// BrowserLanguage stands for the browser's preference in the forms of pages, which cannot have an
// option with an empty value. In the API, the preference is an empty language.
const BrowserLanguage = "browser"

// LanguageCookie holds the language that the user chose, for pages that the server renders
// and for users who are not signed in. It contains nothing personal, so sign-out keeps it.
const LanguageCookie = "latchkey.language"

// ZoneCookie holds the name of the browser's time zone, for pages that the server renders. Like
// [LanguageCookie], it stays after sign-out.
const ZoneCookie = "latchkey.zone"

// LeavingCookie tells the server that the user of this browser has signed out without a
// connection, so that it draws pages without the data of the session. The app ends the session
// and removes the cookie as soon as there is a connection.
const LeavingCookie = "latchkey.leaving"

// SignedOutCookie holds the time of the last sign-out in this browser, in milliseconds since 1970, if
// the server shares its origin with an application. web/loader.js then deletes the snapshot of an
// older session, whichever page has called for the sign-out.
const SignedOutCookie = "latchkey.signed-out"
