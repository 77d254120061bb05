package ui

import (
	"testing"
	"time"

	"latchkey/shared"
	"latchkey/shared/message"
)

// dated returns an env on the server, for pages in a language and a locale, with times in a zone,
// which may be nil.
func dated(l *message.Language, locale string, zone *time.Location) *env {
	e := newEnv()
	e.Language = l
	e.page = &Page{Language: l, Locale: locale, Zone: zone}
	return e
}

// TestDates tests that dates are those of the browser's toLocaleString, which gave the values.
func TestDates(t *testing.T) {
	november := time.Date(2026, time.November, 28, 14, 7, 5, 0, time.UTC)
	september := time.Date(2026, time.September, 8, 0, 9, 5, 0, time.UTC)
	january := time.Date(2027, time.January, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		language   *message.Language
		locale     string
		at         time.Time
		date, time string
		want       string
	}{
		{message.English, "en", november, "full", "", "Saturday, November 28, 2026"},
		{message.English, "en", november, "full", "medium", "Saturday, November 28, 2026 at 2:07:05 PM"},
		{message.English, "en-US", november, "medium", "", "Nov 28, 2026"},
		{message.English, "en-US", november, "medium", "short", "Nov 28, 2026, 2:07 PM"},
		{message.English, "en-US", november, "medium", "medium", "Nov 28, 2026, 2:07:05 PM"},
		{message.English, "en-US", september, "medium", "short", "Sep 8, 2026, 12:09 AM"},
		{message.English, "en-US", january, "medium", "short", "Jan 1, 2027, 12:00 PM"},
		{message.English, "en-PH", november, "medium", "short", "Nov 28, 2026, 2:07 PM"},

		{message.English, "en-GB", november, "full", "", "Saturday, 28 November 2026"},
		{message.English, "en-GB", november, "full", "medium", "Saturday, 28 November 2026 at 14:07:05"},
		{message.English, "en-GB", november, "medium", "short", "28 Nov 2026, 14:07"},
		{message.English, "en-GB", september, "medium", "short", "8 Sept 2026, 00:09"},
		{message.English, "en-GB", september, "full", "medium", "Tuesday, 8 September 2026 at 00:09:05"},
		{message.English, "en-GB", january, "medium", "medium", "1 Jan 2027, 12:00:00"},
		{message.English, "en-GB-oxendict", november, "medium", "", "28 Nov 2026"},
		{message.English, "en-gb", november, "medium", "", "28 Nov 2026"},
		{message.English, "en-DE", november, "medium", "short", "28 Nov 2026, 14:07"},
		{message.English, "en-150", november, "medium", "short", "28 Nov 2026, 14:07"},
		{message.English, "en-Latn-US", november, "medium", "short", "Nov 28, 2026, 2:07 PM"},
		{message.English, "en-u-rg-gbzzzz", november, "medium", "", "Nov 28, 2026"},

		{message.English, "en-AU", november, "full", "medium", "Saturday, 28 November 2026 at 2:07:05 pm"},
		{message.English, "en-NZ", november, "medium", "short", "28 Nov 2026, 2:07 pm"},
		{message.English, "en-IN", september, "medium", "short", "8 Sept 2026, 12:09 am"},
		{message.English, "en-001", november, "medium", "short", "28 Nov 2026, 2:07 pm"},

		{message.German, "de", november, "full", "", "Samstag, 28. November 2026"},
		{message.German, "de-DE", november, "full", "medium", "Samstag, 28. November 2026 um 14:07:05"},
		{message.German, "de", november, "medium", "", "28.11.2026"},
		{message.German, "de", november, "medium", "short", "28.11.2026, 14:07"},
		{message.German, "de", september, "medium", "medium", "08.09.2026, 00:09:05"},
		{message.German, "de", january, "full", "", "Freitag, 1. Januar 2027"},
		{message.German, "de-AT", january, "full", "", "Freitag, 1. Jänner 2027"},

		// A locale that does not fit its language, or is none.
		{message.English, "", november, "medium", "short", "Nov 28, 2026, 2:07 PM"},
		{message.English, "-", november, "medium", "", "Nov 28, 2026"},
		{message.German, "en-US", november, "medium", "short", "28.11.2026, 14:07"},
	} {
		if got := dated(tt.language, tt.locale, time.UTC).localTime(shared.Time{Time: tt.at}, tt.date, tt.time); got != tt.want {
			t.Errorf("%s, %q, %q: %q; want %q", tt.locale, tt.date, tt.time, got, tt.want)
		}
	}
	for locale, want := range map[string]string{"en-US": "2:07 PM", "en-GB": "14:07", "en-AU": "2:07 pm"} {
		if got := dated(message.English, locale, time.UTC).clockTime(shared.Time{Time: november}); got != want {
			t.Errorf("%s: %q; want %q", locale, got, want)
		}
	}
	de := dated(message.German, "de", time.UTC)
	if got := de.clockTime(shared.Time{Time: september}); got != "00:09" {
		t.Errorf("de: %q; want 00:09", got)
	}
}

// TestGermanNames tests the names of all months and weekdays.
func TestGermanNames(t *testing.T) {
	de := dated(message.German, "de", time.UTC)
	for i, want := range []string{
		"Donnerstag, 1. Januar 2026", "Montag, 2. Februar 2026", "Dienstag, 3. März 2026", "Samstag, 4. April 2026",
		"Dienstag, 5. Mai 2026", "Samstag, 6. Juni 2026", "Dienstag, 7. Juli 2026", "Samstag, 8. August 2026",
		"Mittwoch, 9. September 2026", "Samstag, 10. Oktober 2026", "Mittwoch, 11. November 2026", "Samstag, 12. Dezember 2026",
		"Mittwoch, 13. Januar 2027", "Sonntag, 14. Februar 2027", "Montag, 15. März 2027", "Freitag, 16. April 2027",
	} {
		at := time.Date(2026, time.Month(i+1), i+1, 12, 0, 0, 0, time.UTC)
		if got := de.localTime(shared.Time{Time: at}, "full", ""); got != want {
			t.Errorf("%v: %q; want %q", at, got, want)
		}
	}
}

// TestDatesInZones tests that dates and times are in the zone of the page, also where the clock
// changes, and that they say so if the server does not know it.
func TestDatesInZones(t *testing.T) {
	at := shared.Time{Time: time.Date(2026, time.October, 25, 0, 30, 0, 0, time.UTC)}
	later := shared.Time{Time: at.Add(time.Hour)}
	for _, tt := range []struct {
		zone        string // "" is unknown
		date        string
		then, after string
	}{
		{"", "Oct 25, 2026", "Oct 25, 2026, 12:30 AM UTC", "1:30 AM UTC"},
		{"UTC", "Oct 25, 2026", "Oct 25, 2026, 12:30 AM", "1:30 AM"},
		{"Europe/Berlin", "Oct 25, 2026", "Oct 25, 2026, 2:30 AM", "2:30 AM"}, // summer time ends between them
		{"America/Los_Angeles", "Oct 24, 2026", "Oct 24, 2026, 5:30 PM", "6:30 PM"},
		{"Asia/Kathmandu", "Oct 25, 2026", "Oct 25, 2026, 6:15 AM", "7:15 AM"},
		{"Pacific/Kiritimati", "Oct 25, 2026", "Oct 25, 2026, 2:30 PM", "3:30 PM"},
	} {
		var zone *time.Location
		if tt.zone != "" {
			var err error
			if zone, err = time.LoadLocation(tt.zone); err != nil {
				t.Fatal(err)
			}
		}
		e := dated(message.English, "en", zone)
		if got := e.localTime(at, "medium", ""); got != tt.date {
			t.Errorf("in %q: the date is %q; want %q", tt.zone, got, tt.date)
		}
		if got := e.localTime(at, "medium", "short"); got != tt.then {
			t.Errorf("in %q: the time is %q; want %q", tt.zone, got, tt.then)
		}
		if got := e.clockTime(later); got != tt.after {
			t.Errorf("in %q: the time of day is %q; want %q", tt.zone, got, tt.after)
		}
	}
}
