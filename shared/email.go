package shared

// ASCIILocalPart says why an address is refused that has other letters before
// the @: only few mail servers take them (RFC 6531, SMTPUTF8).
const ASCIILocalPart = "Before the @ there can be only the letters a to z, digits and signs: most mail servers do not take others."
