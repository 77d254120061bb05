package shared

// ServerKey is a key with which an application's back end calls [GetSession] for its users.
type ServerKey struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	CreatedAt  Time    `json:"createdAt"`
	CreatedBy  *string `json:"createdBy"`  // an address, or the ID of a deleted account; null for the operator
	LastUsedAt *Time   `json:"lastUsedAt"` // within a minute; null before the first use
}

// ServerKeyName names a new server key.
type ServerKeyName struct {
	Name string `json:"name"` // 1 to [MaxName] characters, which no other server key has
}

// NewServerKey is the response to [CreateServerKey].
type NewServerKey struct {
	ServerKey ServerKey `json:"serverKey"`
	Key       string    `json:"key"` // the secret, which is not available later
}

// ServerKeyID identifies a server key by its [ServerKey].ID.
type ServerKeyID struct {
	ID string `json:"id"`
}
