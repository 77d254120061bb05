package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared/message"
)

// factorChange is a change of the second factor that the user makes step by step.
type factorChange struct {
	title message.ID
	text  message.ID // explains the task at the password field
	yes   message.ID // the label of the button that sends the password
	steps []step
}

type step int

const (
	stepConfirm step = iota // enter the password
	stepScan                // scan the new key, and enter a code from it
	stepSave                // save the backup codes
)

var (
	enableChange = &factorChange{
		title: message.EnableTwoFactor,
		text:  message.EnableTwoFactorExplanation,
		yes:   message.ContinueAction,
		steps: []step{stepConfirm, stepScan, stepSave},
	}
	moveChange = &factorChange{
		title: message.MoveToNewPhone,
		text:  message.MoveToNewPhoneExplanation,
		yes:   message.ContinueAction,
		steps: []step{stepConfirm, stepScan},
	}
	renewChange = &factorChange{
		title: message.NewBackupCodes,
		text:  message.NewBackupCodesExplanation,
		yes:   message.MakeNewCodes,
		steps: []step{stepConfirm, stepSave},
	}
	disableChange = &factorChange{
		title: message.ConfirmDisableTwoFactor,
		text:  message.DisableTwoFactorExplanation,
		yes:   message.DisableTwoFactor,
		steps: []step{stepConfirm},
	}
)

const factorChangeAction = "two-factor-change"

// startFactorChange opens the dialog for a change. Offline, it only shows an error.
func startFactorChange(ctx app.Context, c *factorChange) {
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	ctx.NewActionWithValue(factorChangeAction, c)
}
