package ui

import (
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// The server and the app format dates by the code in this file, so that both draw the same text.
// The text is that of toLocaleString in browsers, but in four forms only. For example, Canada has
// the form of the United States, and not "p.m.". Like Chromium, the code writes an ordinary space
// before AM and PM: screen readers and searches handle it better than Unicode's narrow one.

// A dateForm is how a locale writes dates and times: layouts of package time, and the text between
// a full date and a time.
type dateForm struct{ full, medium, clock, join string }

var (
	americanDates   = dateForm{"Monday, January 2, 2006", "Jan 2, 2006", "3:04 PM", " at "}
	australianDates = dateForm{"Monday, 2 January 2006", "2 Jan 2006", "3:04 pm", " at "}
	britishDates    = dateForm{"Monday, 2 January 2006", "2 Jan 2006", "15:04", " at "}
	germanDates     = dateForm{"Monday, 2. January 2006", "02.01.2006", "15:04", " um "}
)

// The German names, in the order of package time.
var (
	germanDays   = [...]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"}
	germanMonths = [...]string{
		"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
	}
)

// dateForm returns the form of the page's dates: that of the language, and in English that of the
// region, too. English without a region is American, as in browsers.
func (t *env) dateForm(region string) dateForm {
	if t.Language == message.German {
		return germanDates
	}
	switch region {
	case "", "US", "CA", "PH", "PR":
		return americanDates
	case "001", "AU", "GH", "HK", "IN", "JM", "MY", "NZ", "PK", "SG", "TT", "ZM":
		return australianDates
	default:
		return britishDates
	}
}

// regionOf returns the region of a locale, such as GB for en-GB, or "".
func regionOf(locale string) string {
	for i, part := range strings.Split(locale, "-") {
		switch {
		case i == 0:
		case len(part) == 1: // begins an extension
			return ""
		case len(part) == 2, part == "001", part == "150":
			return strings.ToUpper(part)
		}
	}
	return ""
}

// localTime formats a time in the user's time zone and the page's locale. The date is "full" or
// "medium"; the time is "short" or "medium", which has seconds. If it is "", localTime formats
// only the date.
func (t *env) localTime(at shared.Time, date, time string) string {
	region, local := regionOf(t.dateLocale()), t.civil(at.Time)
	form := t.dateForm(region)
	layout, join := form.medium, ", "
	if date == "full" {
		layout, join = form.full, form.join
	}
	text := local.Format(layout)
	switch {
	case form == germanDates:
		text = inGerman(text, local, region)
	case form != americanDates:
		text = strings.Replace(text, "Sep ", "Sept ", 1)
	}
	if time == "" {
		return text
	}
	clock := form.clock
	if time == "medium" {
		clock = strings.Replace(clock, "04", "04:05", 1)
	}
	return text + join + local.Format(clock) + t.zoneName()
}

// inGerman returns a date with German names in place of the English ones.
func inGerman(date string, at time.Time, region string) string {
	month := germanMonths[at.Month()-1]
	if region == "AT" && at.Month() == time.January {
		month = "Jänner"
	}
	date = strings.Replace(date, at.Weekday().String(), germanDays[at.Weekday()], 1)
	return strings.Replace(date, at.Month().String(), month, 1)
}

// clockTime returns the time of day.
func (t *env) clockTime(at shared.Time) string {
	return t.civil(at.Time).Format(t.dateForm(regionOf(t.dateLocale())).clock) + t.zoneName()
}

// civil returns a time whose date and clock in UTC are those of at in the user's time zone.
func (t *env) civil(at time.Time) time.Time { return at.UTC().Add(t.timeZone(at)) }

// timeZone returns how far the user's time is ahead of UTC at a time. In the browser it uses the
// browser's time zone database, because Go's would add to the download.
func (t *env) timeZone(at time.Time) time.Duration {
	if app.IsClient {
		minutes := app.Window().Get("Date").New(at.UnixMilli()).Call("getTimezoneOffset").Int()
		return -time.Duration(minutes) * time.Minute
	}
	if t.page == nil {
		return 0
	}
	return aheadOf(t.page.Zone)(at)
}

// aheadOf returns the function that returns how far a time zone is ahead of UTC at a time. The zone can
// be nil, for UTC.
func aheadOf(zone *time.Location) func(at time.Time) time.Duration {
	return func(at time.Time) time.Duration {
		if zone == nil {
			return 0
		}
		_, seconds := at.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
}

// zoneName returns the text after a time of day. It is empty in the user's time zone. If the server
// does not know that zone, times are in UTC, and say so until the app draws them.
func (t *env) zoneName() string {
	if app.IsClient || t.page != nil && t.page.Zone != nil {
		return ""
	}
	return " UTC"
}
