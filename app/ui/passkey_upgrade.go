package ui

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

const passkeyUpgradeAction = "passkey-upgrade"

// upgradeToPasskey lets the browser create a passkey for the user, who has just signed in with
// a password.
func upgradeToPasskey(ctx app.Context) {
	ctx.NewAction(passkeyUpgradeAction)
}

func (s *shell) onUpgradeToPasskey(app.Context, app.Action) { s.upgrade.start(s.ctx, s.env) }

// passkeyUpgrade lets the browser create a passkey without asking the user. Browsers do so if
// they have just filled in the password from a password manager that also stores passkeys.
// The upgrade runs in the background and shows no errors.
type passkeyUpgrade struct{ request *passkey.Request }

func (u *passkeyUpgrade) start(ctx app.Context, e *env) {
	if !passkey.Supported() {
		return
	}
	account, version := e.account(), e.identity.version
	async(ctx, func() {
		if !passkey.Can("conditionalCreate") {
			return
		}
		options, err := u.options(ctx, e, account)
		if err != nil || string(options) == "null" || version != e.identity.version || passkey.Busy() {
			return
		}
		u.request = passkey.Create(options, passkey.Quiet, passkey.Anywhere)
		answer, err := u.request.Wait()
		if err != nil || version != e.identity.version {
			return
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		suggestName := true
		registration := shared.Registration{Response: answer, SuggestName: &suggestName}
		_, err = client.Call(limited, e.client, account, shared.VerifyRegistration, registration)
		switch {
		case errors.Is(err, client.ErrOffline):
			return // the server may have added it
		case err != nil:
			passkey.SignalUnknown(passkey.RPID(options), passkey.CredentialID(answer))
			return
		}
		dispatch(ctx, func(ctx app.Context) {
			e.snapshots.savePasskeyUsed(account, answer)
			toast(ctx, e.T(message.DonePasskeyAutoAdded))
			refresh(ctx)
		})
	})
}

func (u *passkeyUpgrade) options(ctx context.Context, e *env, account string) (json.RawMessage, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	in := shared.RegisterQuery{Mediation: "conditional"}
	return client.Call(limited, e.client, account, shared.GenerateRegisterOptions, in)
}

func (u *passkeyUpgrade) abort() { u.request.Abort() }
