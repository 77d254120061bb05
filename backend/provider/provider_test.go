package provider

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"unicode"
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

// TestNew checks that there are at least as many names as in the list of 2026-08-07.
// AAGUIDs must have the form in which they are looked up.
func TestNew(t *testing.T) {
	for aaguid, want := range map[string]string{
		"9addb28c-b46f-4402-808f-019651441ff3": "KeePassPasskey",
		"e8b7f4a2-c3d5-e6f7-890a-b1c2d3e4f567": "Sherlocked",
		"d9be9d39-e6a6-4c28-a581-32b044d986e4": "Sticky Password Manager",
		"70617373-7761-6c6c-6669-646f32303236": "Passwall",
		"c9cadfc9-89a9-489e-a25a-c7e86a4d5f15": "Burp Suite Navigation Recorder",
		"fa37f553-f9b6-4adb-ac53-8bbb57ebdf0d": "Norton Password Manager",
		"a4a2d88e-9796-4356-9164-e2a5a8bd019c": "Avast Password Manager",
		"e7db2bd3-f2fe-4d71-ad78-7e7aa166cfd1": "Avira Password Manager",
		"6bb49926-160a-4306-a100-4eb39ba6ac45": "AVG Password Manager",
		"da583154-ce16-4cdf-9fe6-1dba788c0998": "Hey Be Safe",
		"d2717a32-9851-48a8-9961-b264c97a411a": "Fenko Vault",
		"65c97700-f5ef-4d5c-8a42-f30e45ac94b7": "Royal Vault",
		"5ca471bb-a56d-46ad-a496-67e70e9ed9fb": "Parcel",
		"45e3057e-b2f9-48ed-912f-9b901e153b16": "Uniqkey",
		"87f5ec51-f721-4feb-9fe4-be18c4971894": "PassCard",
	} {
		if p := Of(aaguid); p == nil || p.Name != want {
			t.Errorf("%s is of %v; want %q", aaguid, p, want)
		}
	}
	if len(names()) < 324 {
		t.Errorf("%d names; there were 324", len(names()))
	}
	form := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	for aaguid, name := range names() {
		if !form.MatchString(aaguid) || name == "" || strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl) {
			t.Errorf("%q is %q", aaguid, name)
		}
	}
}

// TestIcons tests that the icons of providers exist, are XML and contain no script.
// Each mark must have an icon for light and one for dark pages.
func TestIcons(t *testing.T) {
	icons := Icons()
	found := 0
	for aaguid := range names() {
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
	if found < 20 || len(icons) != 2*len(marks()) {
		t.Errorf("%d icons of %d providers", found, len(names()))
	}
	for _, k := range known {
		if marks()[k.mark] == "" {
			t.Errorf("there is no mark %q", k.mark)
		}
	}
}
