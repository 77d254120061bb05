package shared

import (
	"slices"
	"testing"
)

// TestEventKinds tests that each kind of event has its own name, its own text and its own
// filter. A shared one would be a copied line.
func TestEventKinds(t *testing.T) {
	for i, k := range EventKinds {
		if k.Name == "" || k.Text == 0 || k.Filter == 0 {
			t.Errorf("%+v is incomplete", k)
		}
		if slices.ContainsFunc(EventKinds[:i], func(o EventKind) bool { return o.Name == k.Name || o.Text == k.Text || o.Filter == k.Filter }) {
			t.Errorf("%+v repeats another kind", k)
		}
		if EventText(k.Name) != k.Text {
			t.Errorf("the text of %s is %d; want %d", k.Name, EventText(k.Name), k.Text)
		}
	}
	if len(EventKinds) < 50 {
		t.Errorf("%d kinds were found", len(EventKinds))
	}
	if EventText("of a newer server") != 0 {
		t.Error("an unknown kind has a text")
	}
}
