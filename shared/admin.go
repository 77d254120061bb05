package shared

// UserQuery asks for a page of the accounts, by address.
type UserQuery struct {
	Search string `json:"search,omitempty"` // in the address or the name
	After  string `json:"after,omitempty"`  // the [UserPage].Next of the page before
}

// UserPage is a page of the accounts.
type UserPage struct {
	Users []ManagedUser `json:"users"`
	Next  string        `json:"next,omitempty"` // there is more
}

// ManagedUser is an account as administrators see it.
type ManagedUser struct {
	User
	Passkeys     int      `json:"passkeys"`
	Sessions     int      `json:"sessions"`
	LastActiveAt *Time    `json:"lastActiveAt"` // of its sessions
	DisabledAt   *Time    `json:"disabledAt"`   // nobody can sign in to it since
	Permissions  []string `json:"permissions"`
}
