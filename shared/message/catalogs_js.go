package message

import _ "embed"

//go:embed english_js.txt
var englishText string

func english() string { return englishText }

var german func() string // the app loads it
