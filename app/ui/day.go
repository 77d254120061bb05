package ui

import (
	"time"

	"latchkey/shared"
	"latchkey/shared/message"
)

// A day is the events of one day in the user's time zone.
type day struct {
	date   string // "2026-11-28"
	events []shared.Event
}

// daysOf returns the days of events, which are in order. zone returns how far the local time is
// ahead of UTC at a time: it differs in summer.
func daysOf(events []shared.Event, zone func(time.Time) time.Duration) []day {
	var days []day
	for _, e := range events {
		date := dateOf(e.At.Time, zone)
		if n := len(days); n == 0 || days[n-1].date != date {
			days = append(days, day{date: date})
		}
		last := &days[len(days)-1]
		last.events = append(last.events, e)
	}
	return days
}

func dateOf(at time.Time, zone func(time.Time) time.Duration) string {
	return at.UTC().Add(zone(at)).Format(time.DateOnly)
}

// endOf returns when a day ends, or the zero time if date is invalid or after 9999-12-30. zone returns how
// far the local time is ahead of UTC at a time.
func endOf(date string, zone func(time.Time) time.Duration) time.Time {
	next := nextDay(date)
	if next.IsZero() {
		return next
	}
	end := next.Add(-zone(next.Add(-zone(next))))
	if dateOf(end, zone) == date { // the clocks skip midnight
		end = next.Add(-zone(end.Add(-time.Second)))
	}
	return end
}

// nextDay returns when a day ends in UTC, or the zero time if date is invalid or after 9999-12-30.
func nextDay(date string) time.Time {
	day, err := time.Parse(time.DateOnly, date)
	next := day.AddDate(0, 0, 1)
	if err != nil || next.Year() > 9999 { // RFC 3339 has no such years
		return time.Time{}
	}
	return next
}

// relativeDay returns the word for a date that is today or yesterday, or 0.
func relativeDay(date string, now time.Time, zone func(time.Time) time.Duration) message.ID {
	local := now.UTC().Add(zone(now))
	switch date {
	case local.Format(time.DateOnly):
		return message.DayToday
	case local.AddDate(0, 0, -1).Format(time.DateOnly):
		return message.DayYesterday
	}
	return 0
}

// dayHeading returns the heading of a day.
func (t *env) dayHeading(d day, now time.Time) string {
	if word := relativeDay(d.date, now, t.timeZone); word != 0 {
		return t.T(word)
	}
	return t.localTime(d.events[0].At, "full", "")
}
