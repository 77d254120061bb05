package ui

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// kept is all that the app keeps of an account beyond the life of a page, so
// that it has something to show without a network. It is what the page shows of
// it, and nothing that is good for anything else.
type kept struct {
	User shared.User `json:"user"`
	At   shared.Time `json:"at"` // when the server last said who is signed in, by this browser's clock

	// Ahead is how far the server's clock was ahead of the browser's, in milliseconds:
	// without a network, the times that follow are relative to the server's time still.
	Ahead int64 `json:"ahead"`

	Since shared.Time `json:"since"` // when the session began

	Sessions  *keptList[shared.Session] `json:"sessions,omitempty"`
	Passkeys  *keptList[shared.Passkey] `json:"passkeys,omitempty"`
	TwoFactor *keptState                `json:"twoFactor,omitempty"`
}

type keptList[T any] struct {
	At   shared.Time `json:"at"`
	List []T         `json:"list"`
}

type keptState struct {
	At    shared.Time      `json:"at"`
	State shared.TwoFactor `json:"state"`
}

// keptFor is how long the app shows what it kept without having heard from the
// server: a week, after which a device that was lost while it was offline tells
// nothing any more.
const keptFor = 7 * 24 * time.Hour

// clockError is how far a clock may be put back without being taken for one that
// is to show for longer what is kept.
const clockError = time.Hour

// expired reports whether what was so at a time is not to be shown any more. It
// goes by the clock on the wall: the other one may stand still while the machine
// sleeps.
func expired(at time.Time) bool {
	age := time.Since(at.Round(0))
	return age > keptFor || age < -clockError
}

// keptKey is where it is, in localStorage; or in sessionStorage, which ends with
// the browser's run, for a session that does, too.
const keptKey = "latchkey.kept"

// keeping is what the app has kept of the account that is signed in, or nil. It
// forgets what has been kept for too long.
func keeping() *kept {
	for _, name := range []string{"localStorage", "sessionStorage"} {
		text := app.Window().Get(name).Call("getItem", keptKey)
		if !text.Truthy() {
			continue
		}
		k := new(kept)
		if json.Unmarshal([]byte(text.String()), k) != nil || k.User.ID == "" || expired(k.At.Time) {
			wipe()
			return nil
		}
		return k
	}
	return nil
}

// keepUser begins to keep what is shown of a user, who is signed in, and forgets
// whatever is of anybody else. since is when the session began, and remember
// tells that it may outlive the browser's run.
func keepUser(user shared.User, since time.Time, remember bool) {
	k := keeping()
	if k == nil || k.User.ID != user.ID {
		k = &kept{}
		if early.User.ID == user.ID {
			k = early
		}
	}
	early = &kept{}
	k.User = shared.User{
		ID: user.ID, Name: user.Name, Email: user.Email, EmailVerified: user.EmailVerified, TwoFactorEnabled: user.TwoFactorEnabled,
	}
	k.At, k.Since = shared.Time{Time: time.Now()}, shared.Time{Time: since}
	where, other := "localStorage", "sessionStorage"
	if !remember {
		where, other = other, where
	}
	app.Window().Get(other).Call("removeItem", keptKey)
	k.write(where)
}

// keptHere is what is kept of the account that the page is of.
func keptHere() *kept {
	if k := keeping(); k != nil && k.User.ID == server.Account {
		return k
	}
	return new(kept)
}

// early is what is to be kept of an account once the server has said for how long
// this browser may keep anything of it. After a sign-in the page asks for that and
// for its lists at once, and a list may be answered first.
var early = &kept{}

// keep changes what is kept of the account that is signed in.
func keep(change func(*kept)) {
	if server.Account == "" {
		return
	}
	k := keptHere()
	if k.User.ID == "" {
		if early.User.ID != server.Account {
			early = &kept{User: shared.User{ID: server.Account}}
		}
		change(early)
		return
	}
	change(k)
	where := "localStorage"
	if !app.Window().Get(where).Call("getItem", keptKey).Truthy() {
		where = "sessionStorage"
	}
	k.write(where)
}

func (k *kept) write(where string) {
	k.Ahead = server.Ahead().Milliseconds()
	text, err := json.Marshal(k)
	if err != nil {
		return // there are only strings and times in it
	}
	// Browsers throw where a person allows nothing to be kept, or the disk is
	// full. Then there is nothing to show without a network, and all else works.
	defer func() { recover() }()
	app.Window().Get(where).Call("setItem", keptKey, string(text))
}

// keepSessions keeps what the page shows of sessions: not their handles.
func keepSessions(list []shared.Session, at time.Time) {
	shown := make([]shared.Session, len(list))
	for i, one := range list {
		shown[i] = shared.Session{
			CreatedAt: one.CreatedAt, IPAddress: one.IPAddress, IsCurrent: one.IsCurrent,
			LastActiveAt: one.LastActiveAt, Device: one.Device, Method: one.Method,
		}
	}
	keep(func(k *kept) { k.Sessions = &keptList[shared.Session]{shared.Time{Time: at}, shown} })
}

// keptSessions is nil if none were kept. Their handles are good for nothing but
// telling one row from another.
func keptSessions() ([]shared.Session, time.Time) {
	kept := keptHere().Sessions
	if kept == nil {
		return nil, time.Time{}
	}
	for i := range kept.List {
		kept.List[i].Token = strconv.Itoa(i)
	}
	return kept.List, kept.At.Time
}

// keepPasskeys keeps what the page shows of passkeys: not which they are.
func keepPasskeys(list []shared.Passkey, at time.Time) {
	shown := make([]shared.Passkey, len(list))
	for i, one := range list {
		shown[i] = shared.Passkey{
			Name: one.Name, CreatedAt: one.CreatedAt, LastUsedAt: one.LastUsedAt, DeviceType: one.DeviceType,
			Provider: one.Provider, Synced: one.Synced, UserVerified: one.UserVerified, LastWayIn: one.LastWayIn,
		}
	}
	keep(func(k *kept) { k.Passkeys = &keptList[shared.Passkey]{shared.Time{Time: at}, shown} })
}

// keptPasskeys is nil if none were kept. Their ids are good for nothing but
// telling one row from another.
func keptPasskeys() ([]shared.Passkey, time.Time) {
	kept := keptHere().Passkeys
	if kept == nil {
		return nil, time.Time{}
	}
	for i := range kept.List {
		kept.List[i].ID = strconv.Itoa(i)
	}
	return kept.List, kept.At.Time
}

func keepTwoFactor(state shared.TwoFactor, at time.Time) {
	keep(func(k *kept) { k.TwoFactor = &keptState{shared.Time{Time: at}, state} })
}

// keptTwoFactor is nil if the state was not kept.
func keptTwoFactor() (*shared.TwoFactor, time.Time) {
	kept := keptHere().TwoFactor
	if kept == nil {
		return nil, time.Time{}
	}
	return &kept.State, kept.At.Time
}

// wipe forgets whatever is kept of anybody in this browser. It needs no server.
// That somebody is leaving is not of anybody, and goes when they have left: see
// [finishLeaving].
func wipe() {
	early = &kept{}
	app.Window().Get("sessionStorage").Call("clear")
	local := app.Window().Get("localStorage")
	for i := local.Get("length").Int() - 1; i >= 0; i-- {
		if name := local.Call("key", i).String(); name != leavingKey {
			local.Call("removeItem", name)
		}
	}
}
