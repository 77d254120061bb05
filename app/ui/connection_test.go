package ui

import "testing"

func TestConnection(t *testing.T) {
	var c connection
	steps := []struct {
		what     string
		answered bool // the last call got a response
		online   bool // the browser has a network
		news     bool
		want     connectionChange
		offline  bool
	}{
		{"online", true, true, false, connectionSame, false},
		{"the network is lost", true, false, false, connectionLost, true},
		{"the network is still down", true, false, false, connectionSame, true},
		{"a call fails", false, false, true, connectionSame, true},
		{"the network is restored", false, true, false, connectionMaybe, true},
		{"the server is still unreachable", false, true, false, connectionMaybe, true},
		{"the server responds", true, true, true, connectionRestored, false},
		{"the server becomes unreachable", false, true, true, connectionLost, true},
		{"the server responds again", true, true, true, connectionRestored, false},
	}
	for _, s := range steps {
		news := c.reached(s.answered)
		got := c.update(s.online)
		if news != s.news || got != s.want || c.offline != s.offline {
			t.Fatalf("%s: news %v, change %v, offline %v; want %v, %v, %v", s.what, news, got, c.offline, s.news, s.want, s.offline)
		}
	}
}

// TestSlowConnection tests that a page that shows the snapshot before the server has answered is as
// if offline until then, and says another reason.
func TestSlowConnection(t *testing.T) {
	for _, answered := range []bool{true, false} {
		c := connection{slow: true, offline: true}
		if c.text() == offlineText || c.update(true) != connectionSame || !c.offline {
			t.Fatalf("before the answer: %+v", c)
		}
		news, change := c.reached(answered), c.update(true)
		want := connectionMaybe
		if answered {
			want = connectionRestored
		}
		if !news || change != want || c.offline == answered || c.text() != offlineText {
			t.Errorf("after the answer (%t): news %t, change %d, %+v", answered, news, change, c)
		}
	}
}
