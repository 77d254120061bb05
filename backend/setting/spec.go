package setting

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/backend/address"
	"latchkey/backend/mail/smtpurl"
	"latchkey/shared"
	"latchkey/shared/message"
)

// Spec describes a setting.
type Spec struct {
	Name        string
	Group       message.ID
	Type        string // "string", "secret", "bool", "int", "duration" or "enum"
	Title       message.ID
	Description message.ID
	Default     string
	Options     []string // of an enum
	Min, Max    string   // of a number or duration; for a string, of its length

	// set parses a value, sets the field of s to it, and returns the value in its
	// canonical form. It fails with [ValueError].
	set func(s *Settings, value string) (string, error)
}

// Secret reports whether the value must not leave the server.
func (s Spec) Secret() bool { return s.Type == "secret" }

// Parse returns a value in its canonical form. It fails with [ValueError].
func (s Spec) Parse(value string) (string, error) { return s.set(new(Settings), value) }

// ValueError is the [shared.ErrInvalidSetting] for a value that a setting cannot have.
// Message and Values describe the valid values. The error does not contain the value
// itself, which may be a secret.
type ValueError struct {
	Message message.ID
	Values  []any
}

func invalid(sentence message.ID, values ...any) error { return &ValueError{sentence, values} }

func (e *ValueError) Error() string { return message.English.T(e.Message, e.Values...) }

// Unwrap makes errors.Is find the shared error.
func (e *ValueError) Unwrap() error { return shared.ErrInvalidSetting }

// text returns a setting that is a name of minimum to maximum characters.
func text(name string, group, title, description message.ID, field func(*Settings) *string, preset string, minimum, maximum int) Spec {
	least, most := strconv.Itoa(minimum), strconv.Itoa(maximum)
	return Spec{
		Name: name, Group: group, Type: "string", Title: title, Description: description, Default: preset, Min: least, Max: most,
		set: func(s *Settings, v string) (string, error) {
			v = strings.TrimSpace(v)
			_, ok := shared.ParseName(v)
			// Authenticator apps display the name without colons, because a colon would end
			// it in an otpauth URI.
			label, _ := shared.ParseName(strings.ReplaceAll(v, ":", ""))
			if n := utf8.RuneCountInString(v); !ok || label == "" || n < minimum || n > maximum {
				return "", invalid(message.ErrSettingText, least, most)
			}
			*field(s) = v
			return v, nil
		},
	}
}

// maxSecret, in bytes, is longer than any key of an email provider.
const maxSecret = 200

// secret returns a setting that is an API key, or "" for none.
func secret(name string, group, title, description message.ID, field func(*Settings) *string) Spec {
	return Spec{
		Name: name, Group: group, Type: "secret", Title: title, Description: description,
		set: func(s *Settings, v string) (string, error) {
			// Refuse a mask, whether a browser displays it in place of the key or a user
			// types it.
			mask := strings.Contains(v, "*") || v != "" && strings.Trim(v, ".x") == ""
			if mask || len(v) > maxSecret || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return "", invalid(message.ErrSettingSecret)
			}
			*field(s) = v
			return v, nil
		},
	}
}

// emailServer returns a setting that is the URL of an email server, or "" for none. It is a
// secret, because the URL may have a password.
func emailServer(name string, group, title, description message.ID, field func(*Settings) *string) Spec {
	return Spec{
		Name: name, Group: group, Type: "secret", Title: title, Description: description,
		set: func(s *Settings, v string) (string, error) {
			if v = strings.TrimSpace(v); v != "" {
				if _, err := smtpurl.Parse(v); err != nil {
					return "", invalid(message.ErrSettingSMTPURL)
				}
			}
			*field(s) = v
			return v, nil
		},
	}
}

// sender returns a setting that is the sender of emails, or "" for the default sender.
func sender(name string, group, title, description message.ID, field func(*Settings) *string) Spec {
	return Spec{
		Name: name, Group: group, Type: "string", Title: title, Description: description, Min: "0", Max: strconv.Itoa(address.MaxLength),
		set: func(s *Settings, v string) (string, error) {
			if v = strings.TrimSpace(v); v != "" {
				from, ok := address.ParseSender(v)
				if !ok || len(from) > address.MaxLength {
					return "", invalid(message.ErrSettingEmailAddress)
				}
				v = from
			}
			*field(s) = v
			return v, nil
		},
	}
}

// boolean returns a setting that is true or false.
func boolean(name string, group, title, description message.ID, field func(*Settings) *bool, preset bool) Spec {
	return Spec{
		Name: name, Group: group, Type: "bool", Title: title, Description: description, Default: strconv.FormatBool(preset),
		set: func(s *Settings, v string) (string, error) {
			switch v {
			case "true", "on":
				*field(s) = true
			case "false", "off":
				*field(s) = false
			default:
				return "", invalid(message.ErrSettingBool)
			}
			return strconv.FormatBool(*field(s)), nil
		},
	}
}

// enum returns a setting that is one of two or three options. The first option is the
// default.
func enum(name string, group, title, description message.ID, field func(*Settings) *string, options ...string) Spec {
	return Spec{
		Name: name, Group: group, Type: "enum", Title: title, Description: description, Default: options[0], Options: options,
		set: func(s *Settings, v string) (string, error) {
			if !slices.Contains(options, v) {
				if len(options) == 2 {
					return "", invalid(message.ErrSettingOneOfTwo, options[0], options[1])
				}
				return "", invalid(message.ErrSettingOneOfThree, options[0], options[1], options[2])
			}
			*field(s) = v
			return v, nil
		},
	}
}

// number returns a setting that is an integer from minimum to maximum.
func number(name string, group, title, description message.ID, field func(*Settings) *int, preset, minimum, maximum int) Spec {
	least, most := strconv.Itoa(minimum), strconv.Itoa(maximum)
	return Spec{
		Name: name, Group: group, Type: "int", Title: title, Description: description, Default: strconv.Itoa(preset), Min: least, Max: most,
		set: func(s *Settings, v string) (string, error) {
			n, err := strconv.Atoi(v)
			if err != nil || n < minimum || n > maximum {
				return "", invalid(message.ErrSettingNumber, least, most)
			}
			*field(s) = n
			return strconv.Itoa(n), nil
		},
	}
}

// duration returns a setting that is a duration from minimum to maximum, in whole seconds.
func duration(
	name string, group, title, description message.ID, field func(*Settings) *time.Duration, preset, minimum, maximum time.Duration,
) Spec {
	least, most := formatDuration(minimum), formatDuration(maximum)
	return Spec{
		Name: name, Group: group, Type: "duration", Title: title, Description: description,
		Default: formatDuration(preset), Min: least, Max: most,
		set: func(s *Settings, v string) (string, error) {
			d, err := parseDuration(v)
			if err != nil || d < minimum || d > maximum {
				return "", invalid(message.ErrSettingDuration, least, most)
			}
			*field(s) = d
			return formatDuration(d), nil
		},
	}
}

// parseDuration parses a duration as [time.ParseDuration] does, or a number of days such as
// 7d. It refuses fractions of a second.
func parseDuration(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	d, err := time.ParseDuration(v)
	if d != d.Truncate(time.Second) {
		err = errors.New("fractions of a second")
	}
	return d, err
}

// formatDuration formats a duration in a short form: 7d, 1h30m, 45s.
func formatDuration(d time.Duration) string {
	if d > 0 && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d >= time.Hour && d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
