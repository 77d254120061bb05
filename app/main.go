// Command app is the part of Latchkey that runs in the browser. It is compiled to
// WebAssembly.
package main

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/ui"
)

func main() {
	ui.Register()
	app.RunWhenOnBrowser()
}
