package ui

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// channel is a fake BroadcastChannel.
type channel struct {
	app.Value
	posted []string
}

func (c *channel) Call(method string, args ...any) app.Value {
	c.posted = append(c.posted, method+fmt.Sprint(args...))
	return nil
}

func TestTabsPost(t *testing.T) {
	new(tabs).post(tabChanged) // must not panic

	c := new(channel)
	tabs := tabs{channel: c}
	tabs.post(tabSignedOut)
	if !slices.Equal(c.posted, []string{"postMessagesigned out"}) {
		t.Errorf("the other tabs are told %q", c.posted)
	}
}

// TestLoaderListensForMessages tests that web/loader.js, which installs the service worker,
// listens for two of the messages.
func TestLoaderListensForMessages(t *testing.T) {
	loader, err := os.ReadFile("../../web/loader.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []tabMessage{tabSignedOut, tabAccountDeleted, tabSessionEnded} {
		if !strings.Contains(string(loader), fmt.Sprintf("%q", m)) {
			t.Errorf("web/loader.js does not listen for %q", m)
		}
	}
}
