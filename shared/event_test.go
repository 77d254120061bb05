package shared

import (
	"reflect"
	"slices"
	"strings"
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

// TestEventGroups tests that each kind is in one group besides the warnings, which are the
// alarms, and that the query accepts exactly the groups.
func TestEventGroups(t *testing.T) {
	var names []string
	var all []string // the kinds of all groups except the warnings
	for _, g := range EventGroups {
		names = append(names, string(g.Name))
		kinds := KindsOf(g.Name)
		if g.Label == 0 || len(kinds) == 0 {
			t.Errorf("the group %s has the label %d and the kinds %q", g.Name, g.Label, kinds)
		}
		if g.Name != GroupWarnings {
			all = append(all, kinds...)
		}
	}
	slices.Sort(all)
	var kinds, alarms []string
	for _, k := range EventKinds {
		kinds = append(kinds, k.Name)
		if k.Weight == WeightAlarm {
			alarms = append(alarms, k.Name)
		}
	}
	if slices.Sort(kinds); !slices.Equal(all, kinds) {
		t.Errorf("the groups have the kinds %q; want each of %q once", all, kinds)
	}
	got := KindsOf(GroupWarnings)
	if !slices.Equal(got, alarms) || !slices.Contains(got, EventSignInFailed) || slices.Contains(got, EventSignIn) {
		t.Errorf("the warnings are %q; want the alarms %q", got, alarms)
	}
	field, _ := reflect.TypeFor[EventQuery]().FieldByName("Group")
	if got := field.Tag.Get("check"); got != strings.Join(names, "|") {
		t.Errorf("a query accepts the groups %s; want %q", got, names)
	}
}
