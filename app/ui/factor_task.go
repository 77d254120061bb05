package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
)

// task is something that the user does with the second factor, step by step.
type task struct {
	title key
	text  key // why and what for, beside the password
	yes   key // on the button that sends the password
	steps []step
}

type step int

const (
	stepConfirm step = iota // with the password
	stepScan                // the new key
	stepSave                // the backup codes
	stepProve               // with a code that the new key works
)

var (
	enableTask = &task{
		title: "Enable 2FA",
		text:  "Two-factor authentication needs an authenticator app on your phone: Google Authenticator, Microsoft Authenticator, Aegis, 1Password or another. First confirm that it is you.",
		yes:   "Continue",
		steps: []step{stepConfirm, stepScan, stepSave, stepProve},
	}
	moveTask = &task{
		title: "Move to a new phone",
		text:  "Your old authenticator app works until you have entered a code from the new one. Your backup codes stay. Then your other sessions are signed out, and trusted devices are asked for a code again.",
		yes:   "Continue",
		steps: []step{stepConfirm, stepScan, stepProve},
	}
	renewTask = &task{
		title: "New backup codes",
		text:  "You get ten new codes, and those that you have stop working at once. Your other sessions are signed out, and trusted devices are asked for a code again.",
		yes:   "Make new codes",
		steps: []step{stepConfirm, stepSave},
	}
	disableTask = &task{
		title: "Disable 2FA?",
		text:  "Your password alone will be enough to sign in. Your authenticator app and your backup codes stop working, and your other sessions are signed out.",
		yes:   "Disable 2FA",
		steps: []step{stepConfirm},
	}
)

const taskAction = "two-factor-task"

// startTask opens the dialog that does a task.
func startTask(ctx app.Context, t *task) {
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	ctx.NewActionWithValue(taskAction, t)
}
