package shared

// Overview is the state of the caller's account, for the home page. It has what the page
// needs to say how safe the account is and what to do next.
//
// A change of the address is pending from its request on. It is so for every address, also
// for one that has an account already.
type Overview struct {
	User      User           `json:"user"`
	Password  PasswordState  `json:"password"`
	TwoFactor TwoFactor      `json:"twoFactor"`
	Passkeys  PasskeySummary `json:"passkeys"`
	Sessions  SessionSummary `json:"sessions"`
	Email     PendingEmail   `json:"pendingEmail"`  // zero if no change of the address is pending
	Newest    *Event         `json:"newestEvent"`   // of the security log; null if it is empty
	Question  *Session       `json:"question"`      // the newest sign-in with [Session].IsNew, except the caller's own; null if there is none
	Delivers  bool           `json:"deliversEmail"` // emails reach their recipients, as far as the settings can tell
	Trusted   int            `json:"trustedDevices"`
	Admin     bool           `json:"administrator"` // holds a permission, so needs stronger protection

	// Last is whether a deletion of the account fails with [ErrLastAdministrator].
	Last bool `json:"lastAdministrator"`
}

// PasswordState is the state of an account's password. A password that has been voided is
// not set: it opens nothing.
type PasswordState struct {
	Set       bool  `json:"set"`
	ChangedAt *Time `json:"changedAt"` // null if it is not set
}

// PasskeySummary summarizes the passkeys of an account.
type PasskeySummary struct {
	Count      int     `json:"count"`
	Synced     int     `json:"synced"`     // how many are stored beyond one device
	LastUsedAt *Time   `json:"lastUsedAt"` // null if none has been used
	LastUsed   *string `json:"lastUsed"`   // the name of the passkey that was used last; null if it has none
}

// SessionSummary summarizes the sessions of an account.
type SessionSummary struct {
	Count  int       `json:"count"`
	New    int       `json:"new"`    // how many are [Session].IsNew, except the current session
	Newest []Session `json:"newest"` // the current session, and then the two others with the newest activity
}

// PendingEmail is a new address of the caller that waits for its confirmation.
type PendingEmail struct {
	Address   string `json:"address,omitempty"`
	SentTo    string `json:"sentTo,omitempty"`    // the address whose link is the next to be opened
	ExpiresAt *Time  `json:"expiresAt,omitempty"` // of that link
}
