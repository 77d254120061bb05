package provider

import (
	"encoding/xml"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for aaguid, want := range map[string]string{
		"bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
		"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
		"08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
		"00000000-0000-0000-0000-000000000000": "",
		"":                                     "",
	} {
		p := Of(aaguid)
		if want == "" && p != nil || want != "" && (p == nil || p.Name != want) {
			t.Errorf("%q is of %v; want %q", aaguid, p, want)
		}
	}
}

// TestIcons holds that whoever has an icon has one for light and one for dark
// pages, which are there and are pictures alone.
func TestIcons(t *testing.T) {
	icons := Icons()
	found := 0
	for aaguid := range names {
		p := Of(aaguid)
		for _, path := range []string{p.IconLight, p.IconDark} {
			if path == "" {
				continue
			}
			found++
			if err := xml.Unmarshal(icons[path], new(struct{ XMLName xml.Name })); err != nil || strings.Contains(string(icons[path]), "script") {
				t.Errorf("%s of %s: %v", path, p.Name, err)
			}
		}
	}
	if found < 20 || len(icons) != 2*len(marks) {
		t.Errorf("%d icons of %d providers", found, len(names))
	}
	for _, k := range known {
		if marks[k.mark] == "" {
			t.Errorf("there is no mark %q", k.mark)
		}
	}
}
