package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/backend/keyring"
	"latchkey/shared"
	"latchkey/shared/message"
)

// Settings are the system keys as they are at one moment.
type Settings struct {
	AppName       string
	SignUpEnabled bool
	VerifyEmail   string

	MailAPIKey    string // of Resend; empty if mail goes to files
	MailFrom      string // empty for APP_NAME <no-reply@host>
	NewDeviceMail bool

	RequireTwoFactor      string
	RequireTwoFactorGrace time.Duration
	RequiredSince         time.Time // when RequireTwoFactor was set, or first seen in the environment
	TwoFactorSignIn       string
	TwoFactorEmailCode    bool

	PasskeyVerification string
	PasskeyAutoUpgrade  bool

	FreshWindow     time.Duration
	SessionIdle     time.Duration
	SessionLifetime time.Duration
	SessionsPerUser int

	// Of an address: guesses in ten seconds and in an hour, and what it can have us
	// do in an hour.
	GuessesPerAddress     int
	GuessesPerAddressHour int
	SignUpsPerAddressHour int
	EmailsPerAddressHour  int

	EventRetention time.Duration

	stamp int64 // of what was read of the database
}

// Mailed reports whether people get what is mailed to them, as far as the keys
// can tell.
func (s *Settings) Mailed() bool { return s.MailAPIKey != "" || s.VerifyEmail == Required }

// Values of keys that have a few.
const (
	Off        = "off"
	Required   = "required"
	Preferred  = "preferred"
	OfAdmins   = "admins"
	OfAll      = "all"
	AsError    = "error"
	AsRedirect = "redirect"
)

// The parts of the page that keys are on.
const (
	groupGeneral  = message.GeneralSettings
	groupMail     = message.EmailSettings
	groupFactors  = message.TwoFactorAuthentication
	groupPasskeys = message.YourPasskeys
	groupSessions = message.SessionsShort
	groupLimits   = message.RateLimits
	groupLog      = message.SecurityLog
)

// registry is every system key, a line a key. To add one: a line here, and the
// field of [Settings] that it sets.
var registry = []KeySpec{
	text("APP_NAME", groupGeneral, "Latchkey", 1, 60, func(s *Settings) *string { return &s.AppName }, message.SettingAppName),
	flag("SIGN_UP_ENABLED", groupGeneral, true, func(s *Settings) *bool { return &s.SignUpEnabled }, message.SettingSignUpEnabled),

	secret("RESEND_API_KEY", groupMail, func(s *Settings) *string { return &s.MailAPIKey }, message.SettingResendAPIKey),
	enum("VERIFY_EMAIL", groupMail, []string{Off, Required}, func(s *Settings) *string { return &s.VerifyEmail }, message.SettingVerifyEmail),
	sender("MAIL_FROM", groupMail, func(s *Settings) *string { return &s.MailFrom }, message.SettingMailFrom),
	flag("NEW_DEVICE_MAIL", groupMail, true, func(s *Settings) *bool { return &s.NewDeviceMail }, message.SettingNewDeviceMail),

	enum("REQUIRE_TWO_FACTOR", groupFactors, []string{Off, OfAdmins, OfAll}, func(s *Settings) *string { return &s.RequireTwoFactor }, message.SettingRequireTwoFactor),
	duration("REQUIRE_TWO_FACTOR_GRACE", groupFactors, 7*day, 0, 90*day, func(s *Settings) *time.Duration { return &s.RequireTwoFactorGrace }, message.SettingRequireTwoFactorGrace),
	enum("TWO_FACTOR_SIGN_IN", groupFactors, []string{AsError, AsRedirect}, func(s *Settings) *string { return &s.TwoFactorSignIn }, message.SettingTwoFactorSignIn),
	flag("TWO_FACTOR_EMAIL_CODE", groupFactors, true, func(s *Settings) *bool { return &s.TwoFactorEmailCode }, message.SettingTwoFactorEmailCode),

	enum("PASSKEY_USER_VERIFICATION", groupPasskeys, []string{Required, Preferred}, func(s *Settings) *string { return &s.PasskeyVerification }, message.SettingPasskeyUserVerification),
	flag("PASSKEY_AUTO_UPGRADE", groupPasskeys, true, func(s *Settings) *bool { return &s.PasskeyAutoUpgrade }, message.SettingPasskeyAutoUpgrade),

	duration("FRESH_WINDOW", groupSessions, FreshWindow, time.Minute, day, func(s *Settings) *time.Duration { return &s.FreshWindow }, message.SettingFreshWindow),
	duration("SESSION_IDLE", groupSessions, SessionIdle, time.Hour, 90*day, func(s *Settings) *time.Duration { return &s.SessionIdle }, message.SettingSessionIdle),
	duration("SESSION_LIFETIME", groupSessions, SessionLifetime, time.Hour, 365*day, func(s *Settings) *time.Duration { return &s.SessionLifetime }, message.SettingSessionLifetime),
	number("SESSIONS_PER_USER", groupSessions, SessionsPerUser, 1, 1000, func(s *Settings) *int { return &s.SessionsPerUser }, message.SettingSessionsPerUser),

	// The defaults are Better Auth's where it has the limit; those an hour bound
	// a caller who stays just below the others.
	number("SIGN_IN_LIMIT", groupLimits, 3, 1, 100, func(s *Settings) *int { return &s.GuessesPerAddress }, message.SettingSignInLimit),
	number("SIGN_IN_HOURLY_LIMIT", groupLimits, 100, 10, 10_000, func(s *Settings) *int { return &s.GuessesPerAddressHour }, message.SettingSignInHourlyLimit),
	number("SIGN_UP_HOURLY_LIMIT", groupLimits, 20, 1, 10_000, func(s *Settings) *int { return &s.SignUpsPerAddressHour }, message.SettingSignUpHourlyLimit),
	number("EMAIL_HOURLY_LIMIT", groupLimits, 10, 1, 1000, func(s *Settings) *int { return &s.EmailsPerAddressHour }, message.SettingEmailHourlyLimit),

	duration("EVENT_RETENTION", groupLog, 365*day, 30*day, 3650*day, func(s *Settings) *time.Duration { return &s.EventRetention }, message.SettingEventRetention),
}

// KeySpec describes a system key.
type KeySpec struct {
	Name        string
	Group       message.ID
	Type        string // "string", "secret", "bool", "int", "duration" or "enum"
	Description message.ID
	Default     string
	Options     []string // of an enum
	Min, Max    string   // of numbers and durations; and of the length of a string

	// read sets the key to a value, and returns that in its one form, or fails with
	// [ValueError].
	read func(s *Settings, v string) (string, error)
}

// ValueError is the [shared.ErrInvalidSetting] of a value that a system key cannot
// have. Sentence and Values say what it should be. The value itself, which may be a
// secret, is not in it.
type ValueError struct {
	Sentence message.ID
	Values   []any
}

func wrong(sentence message.ID, values ...any) error { return &ValueError{sentence, values} }

func (e *ValueError) Error() string { return message.English.T(e.Sentence, e.Values...) }

// Unwrap makes errors.Is find the shared error.
func (e *ValueError) Unwrap() error { return shared.ErrInvalidSetting }

// Secret reports whether the value is never shown.
func (k KeySpec) Secret() bool { return k.Type == "secret" }

func text(name string, group message.ID, preset string, least, most int, at func(*Settings) *string, description message.ID) KeySpec {
	return KeySpec{name, group, "string", description, preset, nil, strconv.Itoa(least), strconv.Itoa(most), func(s *Settings, v string) (string, error) {
		v = strings.TrimSpace(v)
		_, ok := shared.ParseName(v)
		if n := utf8.RuneCountInString(v); !ok || n < least || n > most || issuerOf(v) == "" { // for authenticator apps, too
			return v, wrong(message.ErrSettingText, strconv.Itoa(least), strconv.Itoa(most))
		}
		*at(s) = v
		return v, nil
	}}
}

// maxSecret, in bytes, is longer than any key of a mail provider.
const maxSecret = 200

func secret(name string, group message.ID, at func(*Settings) *string, description message.ID) KeySpec {
	return KeySpec{name, group, "secret", description, "", nil, "", "", func(s *Settings, v string) (string, error) {
		// Neither what a browser shows for a password nor what people type for it.
		if len(v) > maxSecret || strings.ContainsAny(v, "*") || strings.Trim(v, ".x") == "" && v != "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return v, wrong(message.ErrSettingSecret)
		}
		*at(s) = v
		return v, nil
	}}
}

func sender(name string, group message.ID, at func(*Settings) *string, description message.ID) KeySpec {
	return KeySpec{name, group, "string", description, "", nil, "0", strconv.Itoa(address.MaxLength), func(s *Settings, v string) (string, error) {
		if v = strings.TrimSpace(v); v != "" {
			from, ok := address.ParseSender(v)
			if !ok || len(from) > address.MaxLength {
				return v, wrong(message.ErrSettingEmailAddress)
			}
			v = from
		}
		*at(s) = v
		return v, nil
	}}
}

func flag(name string, group message.ID, preset bool, at func(*Settings) *bool, description message.ID) KeySpec {
	return KeySpec{name, group, "bool", description, strconv.FormatBool(preset), nil, "", "", func(s *Settings, v string) (string, error) {
		switch v {
		case "true", "on":
			*at(s) = true
		case "false", "off":
			*at(s) = false
		default:
			return v, wrong(message.ErrSettingBool)
		}
		return strconv.FormatBool(*at(s)), nil
	}}
}

func enum(name string, group message.ID, options []string, at func(*Settings) *string, description message.ID) KeySpec {
	return KeySpec{name, group, "enum", description, options[0], options, "", "", func(s *Settings, v string) (string, error) {
		if !slices.Contains(options, v) {
			if len(options) == 2 {
				return v, wrong(message.ErrSettingOneOfTwo, options[0], options[1])
			}
			return v, wrong(message.ErrSettingOneOfThree, options[0], options[1], options[2])
		}
		*at(s) = v
		return v, nil
	}}
}

func number(name string, group message.ID, preset, least, most int, at func(*Settings) *int, description message.ID) KeySpec {
	return KeySpec{name, group, "int", description, strconv.Itoa(preset), nil, strconv.Itoa(least), strconv.Itoa(most), func(s *Settings, v string) (string, error) {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return v, wrong(message.ErrSettingNumber, strconv.Itoa(least), strconv.Itoa(most))
		}
		*at(s) = n
		return strconv.Itoa(n), nil
	}}
}

func duration(name string, group message.ID, preset, least, most time.Duration, at func(*Settings) *time.Duration, description message.ID) KeySpec {
	return KeySpec{name, group, "duration", description, durationText(preset), nil, durationText(least), durationText(most), func(s *Settings, v string) (string, error) {
		d, err := parseDuration(v)
		if err != nil || d < least || d > most {
			return v, wrong(message.ErrSettingDuration, durationText(least), durationText(most))
		}
		*at(s) = d
		return durationText(d), nil
	}}
}

// parseDuration reads what [time.ParseDuration] does, and whole days as in 7d.
func parseDuration(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	d, err := time.ParseDuration(v)
	if d != d.Truncate(time.Second) {
		err = errors.New("less than a second")
	}
	return d, err
}

// durationText is a duration as people write it: 7d, 1h30m, 45s.
func durationText(d time.Duration) string {
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

// Setting is the value that somebody gave a system key.
type Setting struct {
	Key       string `bun:",pk"`
	Value     string // sealed if the key is a secret
	Revision  int64
	UpdatedAt time.Time
	UpdatedBy string // a user's ID
}

func (r Setting) aad() string { return "settings|value|" + r.Key }

// Where the value of a key is from.
const (
	FromEnvironment = "env"
	FromDatabase    = "database"
	FromDefault     = "default"
)

// SystemKey is a key with its value.
type SystemKey struct {
	KeySpec
	Value     string // of a secret, too: it must not leave the server
	Source    string
	Revision  int64 // 0 for what nobody has set
	UpdatedAt time.Time
	UpdatedBy string // a user's ID; empty if nobody has set it
}

// Locked reports whether the environment sets the key, and nothing else can.
func (k SystemKey) Locked() bool { return k.Source == FromEnvironment }

// Live is the system keys as they are now, on every server within a second of a
// change. Reading it costs nothing.
type Live struct {
	env     map[string]string // what the environment sets
	current atomic.Pointer[Settings]
}

// NewLive returns the keys as the environment sets them, which nothing else
// changes, and the defaults. It fails if the environment says what it cannot.
func NewLive(getenv func(string) string) (*Live, error) {
	l := &Live{env: make(map[string]string)}
	var errs []error
	for _, k := range registry {
		v := getenv(k.Name)
		if v == "" {
			continue
		}
		value, err := k.read(new(Settings), v)
		if err != nil { // which does not have the value: it may be a secret
			errs = append(errs, fmt.Errorf("the environment's %s is not one: %w", k.Name, err))
			continue
		}
		l.env[k.Name] = value
	}
	if _, err := l.apply(nil, keyring.Keys{}); err != nil {
		return nil, err
	}
	return l, errors.Join(errs...)
}

// Now is the keys at this moment.
func (l *Live) Now() *Settings { return l.current.Load() }

// apply takes what the database holds, and returns every key.
func (l *Live) apply(rows []Setting, keys keyring.Keys) (all []SystemKey, err error) {
	// With them, so that they are read again if others' were taken meanwhile that
	// are newer.
	now := &Settings{stamp: stampOf(rows)}
	for _, k := range registry {
		set := SystemKey{KeySpec: k, Value: k.Default, Source: FromDefault}
		if i := slices.IndexFunc(rows, func(r Setting) bool { return r.Key == k.Name }); i >= 0 {
			r := rows[i]
			value := r.Value
			if k.Secret() {
				if value, err = keys.Unseal(r.Value, r.aad()); err != nil {
					return nil, err
				}
			}
			set.Revision, set.UpdatedAt, set.UpdatedBy = r.Revision, r.UpdatedAt, r.UpdatedBy
			// What an older program has allowed, and this one does not, is as good
			// as not set.
			if value, err := k.read(new(Settings), value); err == nil {
				set.Value, set.Source = value, FromDatabase
			}
		}
		if v, ok := l.env[k.Name]; ok {
			set.Value, set.Source = v, FromEnvironment
		}
		if k.Name == "VERIFY_EMAIL" && set.Source == FromDefault && now.MailAPIKey != "" {
			set.Value = Required
		}
		if set.Value, err = k.read(now, set.Value); err != nil {
			return nil, fmt.Errorf("the default of %s: %v", k.Name, err) // it is our fault, and nobody's who calls
		}
		if k.Name == requirement {
			switch set.Source {
			case FromDatabase:
				now.RequiredSince = set.UpdatedAt
			case FromEnvironment:
				if seen := rowOf(rows, seenRequirement); seen.Value == set.Value {
					now.RequiredSince = seen.UpdatedAt
				}
			}
		}
		all = append(all, set)
	}
	l.current.Store(now)
	return all, nil
}

// LoadSettings reads the system keys of the database, and returns all.
func (s *Service) LoadSettings(ctx context.Context) ([]SystemKey, error) {
	rows, err := s.Store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return s.Settings.apply(rows, s.Keys)
}

const (
	requirement = "REQUIRE_TWO_FACTOR"
	// seenRequirement is the row, of no system key, that says what the environment
	// last said of it, and since when.
	seenRequirement = "the environment's " + requirement
)

func rowOf(rows []Setting, key string) Setting {
	if i := slices.IndexFunc(rows, func(r Setting) bool { return r.Key == key }); i >= 0 {
		return rows[i]
	}
	return Setting{Key: key}
}

// NoteEnvironment keeps when REQUIRE_TWO_FACTOR of the environment became what it
// is: whoever has an account by then has its grace from that moment on.
func (s *Service) NoteEnvironment(ctx context.Context) error {
	rows, err := s.Store.Settings(ctx)
	if err != nil {
		return err
	}
	row := rowOf(rows, seenRequirement)
	if row.Value == s.Settings.env[requirement] {
		return nil
	}
	row.Value, row.Revision, row.UpdatedAt = s.Settings.env[requirement], row.Revision+1, s.Now()
	if _, err := s.Store.PutSetting(ctx, row); err != nil { // if it was not written, another server was first
		return err
	}
	_, err = s.LoadSettings(ctx)
	return err
}

// stampOf changes with every change of a setting: revisions only grow, and no
// row is deleted.
func stampOf(rows []Setting) (stamp int64) {
	for _, r := range rows {
		stamp += r.Revision
	}
	return stamp
}

// RefreshSettings reads the system keys again if somebody has changed one.
func (s *Service) RefreshSettings(ctx context.Context) error {
	stamp, err := s.Store.SettingsStamp(ctx)
	if err != nil || stamp == s.Settings.Now().stamp {
		return err
	}
	_, err = s.LoadSettings(ctx)
	return err
}

// SettingChange gives a system key a value.
type SettingChange struct {
	Key, Value string
	Revision   *int64 // the one that is to be replaced; nil for whichever it is
}

// StaleError is the [shared.ErrStaleRevision] of a change of a key that somebody
// else has changed meanwhile.
type StaleError struct{ Current SystemKey }

func (e *StaleError) Error() string { return shared.ErrStaleRevision.Error() }

// Unwrap makes errors.Is find the shared error.
func (e *StaleError) Unwrap() error { return shared.ErrStaleRevision }

// settingTries is how often a change is tried anew that somebody else's came
// before, where it does not matter what was there.
const settingTries = 5

// PutSetting gives a system key a value. It fails with
// [shared.ErrUnknownSetting], with [ValueError], with [shared.ErrSettingLocked] if
// the environment sets the key, and with [StaleError].
func (s *Service) PutSetting(ctx context.Context, actor Actor, c SettingChange) (SystemKey, error) {
	i := slices.IndexFunc(registry, func(k KeySpec) bool { return k.Name == c.Key })
	if i < 0 {
		return SystemKey{}, shared.ErrUnknownSetting.In("key")
	}
	k := registry[i]
	if _, ok := s.Settings.env[k.Name]; ok {
		return SystemKey{}, shared.ErrSettingLocked.In("key")
	}
	value, err := k.read(new(Settings), c.Value)
	if err != nil {
		return SystemKey{}, err
	}
	for range settingTries {
		var written bool
		if written, err = s.putSetting(ctx, actor, k, value, c.Revision); err != nil {
			break
		}
		all, err := s.LoadSettings(ctx)
		if err != nil {
			return SystemKey{}, err
		}
		if written {
			return all[i], nil
		}
		if c.Revision != nil {
			return all[i], &StaleError{all[i]}
		}
	}
	if err == nil {
		err = shared.ErrUnavailable
	}
	return SystemKey{}, err
}

// putSetting reports whether the value is now that of the key: not if somebody
// has changed it since the revision, or since it was looked at.
func (s *Service) putSetting(ctx context.Context, actor Actor, k KeySpec, value string, revision *int64) (written bool, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		rows, err := in.Settings(ctx)
		if err != nil {
			return err
		}
		old := SystemKey{KeySpec: k, Value: k.Default}
		if i := slices.IndexFunc(rows, func(r Setting) bool { return r.Key == k.Name }); i >= 0 {
			old.Value, old.Revision = rows[i].Value, rows[i].Revision
			if k.Secret() {
				if old.Value, err = s.Keys.Unseal(rows[i].Value, rows[i].aad()); err != nil {
					return err
				}
			}
		}
		if revision != nil && *revision != old.Revision {
			return nil
		}
		if old.Value == value && old.Revision > 0 {
			written = true
			return nil
		}
		row := Setting{Key: k.Name, Value: value, Revision: old.Revision + 1, UpdatedAt: s.Now(), UpdatedBy: in.User.ID}
		if k.Secret() {
			row.Value = s.Keys.Seal(value, row.aad())
		}
		if written, err = in.PutSetting(ctx, row); err != nil || !written {
			return err
		}
		e := s.sessionEvent(audit.EventSettingChanged, actor)
		e.Subject = k.Name
		if e.Detail = detail(map[string]string{"before": old.Value, "after": value}); k.Secret() {
			e.Detail = detail(map[string]string{"after": "changed"})
			if err := s.tellAdmins(ctx, in, actor.Client, k.Name); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, e)
	})
	return written, err
}

// tellAdmins mails everybody who may change system keys that a secret one was.
func (s *Service) tellAdmins(ctx context.Context, in userTx, client Client, key string) error {
	admins, err := in.UsersWith(ctx, PermissionSettings)
	if err != nil {
		return err
	}
	for _, admin := range admins {
		err := s.send(ctx, in, s.mail(admin, client, message.MailSecretSettingChangedSubject,
			say(message.MailSecretSettingChanged, key, in.User.Email), s.occasion(client),
			say(message.MailIfNotYouAskForHelp)))
		if err != nil {
			return err
		}
	}
	return nil
}

type settingStore interface {
	// Settings returns the system keys that somebody has set.
	Settings(ctx context.Context) ([]Setting, error)
	// SettingsStamp returns the sum of their revisions.
	SettingsStamp(ctx context.Context) (int64, error)
	// PutSetting writes a row in the place of the revision before its own, or as
	// the first, and reports whether it did: of several who do, one does.
	PutSetting(ctx context.Context, row Setting) (bool, error)
}
