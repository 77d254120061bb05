package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"

	"latchkey/shared/message"
)

// task is something that the user does with the second factor, step by step.
type task struct {
	title message.ID
	text  message.ID // why and what for, beside the password
	yes   message.ID // on the button that sends the password
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
		title: message.EnableTwoFactor,
		text:  message.EnableTwoFactorExplanation,
		yes:   message.ContinueAction,
		steps: []step{stepConfirm, stepScan, stepSave, stepProve},
	}
	moveTask = &task{
		title: message.MoveToNewPhone,
		text:  message.MoveToNewPhoneExplanation,
		yes:   message.ContinueAction,
		steps: []step{stepConfirm, stepScan, stepProve},
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

// startTask opens the dialog that does a task.
func startTask(ctx app.Context, t *task) {
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	ctx.NewActionWithValue(taskAction, t)
}
