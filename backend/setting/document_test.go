package setting_test

import (
	"cmp"
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
	table.WriteString("| Setting | Type | Default | Values | What it does |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range setting.Registry {
		values := strings.Join(s.Options, ", ")
		if s.Min != "" {
			values = s.Min + " to " + s.Max
			if s.Type == "string" {
				values += " characters"
			}
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n",
			s.Name, s.Type, cmp.Or(s.Default, "–"), values, strings.NewReplacer("|", `\|`, "<", `\<`).Replace(message.English.T(s.Description)))
	}
	testkit.Generated(t, "../../web/docs/configuration.md", "settings", table.String())
}
