package setting_test

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/backend/setting"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestDocument tests that the documentation lists the settings.
func TestDocument(t *testing.T) {
	var table strings.Builder
	table.WriteString("| Setting | Value | What it does |\n| --- | --- | --- |\n")
	for _, s := range setting.Registry {
		value := s.Type
		switch {
		case s.Type == "enum":
			value = "`" + strings.Join(s.Options, "`, `") + "`"
		case s.Min != "":
			value += ", " + s.Min + " to " + s.Max
			if s.Type == "string" {
				value += " characters"
			}
		}
		if s.Default != "" {
			value += "; default `" + s.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", s.Name, value,
			strings.NewReplacer("|", `\|`, "<", `\<`).Replace(message.English.T(s.Description)))
	}
	testkit.Generated(t, "../../web/docs/configuration.md", "settings", table.String())
}
