package ui

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// nameFits reports whether the name of a passkey is valid. If it is not, it shows the error
// at the field.
func (f *form) nameFits(ctx app.Context) bool {
	if f.busy || f.wait() > 0 {
		return false
	}
	name := strings.TrimSpace(f.value("name"))
	wrong := f.env.wrongName(name)
	if seen, ok := shared.ParseName(name); ok && seen == "" {
		wrong = f.env.T(message.ErrEnterName)
	}
	if wrong != "" {
		f.refuse(ctx, "name", wrong)
		return false
	}
	f.problem, f.wrong = "", nil
	return true
}
