package shared

// UserQuery asks for a page of the accounts, sorted by email address.
type UserQuery struct {
	Search string `json:"search,omitempty"` // part of the email address or the name
	After  string `json:"after,omitempty"`  // the previous page's [UserPage].Next
}

// UserPage is a page of the accounts.
type UserPage struct {
	Users []ManagedUser `json:"users"`
	Next  string        `json:"next,omitempty"` // for [UserQuery].After; empty on the last page
}

// ManagedUser is an account as administrators see it.
type ManagedUser struct {
	User
	Passkeys     int      `json:"passkeys"`
	Sessions     int      `json:"sessions"`
	LastActiveAt *Time    `json:"lastActiveAt"` // the latest of its sessions; null if it has none
	DisabledAt   *Time    `json:"disabledAt"`   // when sign-in was disabled; null if it is enabled
	Permissions  []string `json:"permissions"`
}
