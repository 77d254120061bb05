package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared/message"
)

// task is a change of the second factor that the user makes step by step.
type task struct {
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
	enableTask = &task{
		title: message.EnableTwoFactor,
		text:  message.EnableTwoFactorExplanation,
		yes:   message.ContinueAction,
		steps: []step{stepConfirm, stepScan, stepSave},
	}
	moveTask = &task{
		title: message.MoveToNewPhone,
		text:  message.MoveToNewPhoneExplanation,
		yes:   message.ContinueAction,
		steps: []step{stepConfirm, stepScan},
	}
	renewTask = &task{
		title: message.NewBackupCodes,
		text:  message.NewBackupCodesExplanation,
		yes:   message.MakeNewCodes,
		steps: []step{stepConfirm, stepSave},
	}
	disableTask = &task{
		title: message.ConfirmDisableTwoFactor,
		text:  message.DisableTwoFactorExplanation,
		yes:   message.DisableTwoFactor,
		steps: []step{stepConfirm},
	}
)

const taskAction = "two-factor-task"

// startTask opens the dialog for a task. Offline, it only shows an error.
func startTask(ctx app.Context, t *task) {
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	ctx.NewActionWithValue(taskAction, t)
}
