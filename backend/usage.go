package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const about = `Latchkey is a self-hosted server for account security: sign-in, two-factor
authentication, passkeys and sessions.

usage: latchkey [command] [flags] [arguments]

commands:
`

const aboutFlags = `
"latchkey COMMAND -h" prints the flags of a command. Each flag except -version can also
be set in the environment: for example, LATCHKEY_TRUSTED_PROXIES sets -trusted-proxies.
A flag on the command line takes precedence.

Administrators change the settings (APP_NAME, SMTP_URL and others) on the page
/dashboard/system. An environment variable of the same name takes precedence.

flags of serve:
`

// summaryColumn is where the list of commands begins to say what they do.
const summaryColumn = 27

// printUsage prints all commands, and the flags of serve, the default one.
func printUsage(out io.Writer, _ command, f *flag.FlagSet) {
	fmt.Fprint(out, about)
	for _, k := range commands {
		begin := strings.TrimSpace(k.name + " " + k.arguments)
		fmt.Fprintf(out, "  %-*s%s\n", summaryColumn-2, begin, indent(k.summary, summaryColumn))
	}
	fmt.Fprint(out, aboutFlags)
	f.PrintDefaults()
}

// printCommandUsage prints what k does, and its flags.
func printCommandUsage(out io.Writer, k command, f *flag.FlagSet) {
	line := []string{"usage: latchkey", k.name}
	if len(k.flags) > 0 {
		line = append(line, "[flags]")
	}
	if k.arguments != "" {
		line = append(line, k.arguments)
	}
	fmt.Fprintf(out, "%s\n\n  %s\n", strings.Join(line, " "), indent(k.summary, 2))
	if len(k.flags) > 0 {
		fmt.Fprint(out, "\nflags:\n")
		f.PrintDefaults()
	}
}

// indent indents the lines of a text after the first one.
func indent(text string, columns int) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", columns))
}
