package importer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"latchkey/backend/account"
)

// A UserLine is a line of the file of [Users], in JSON.
type UserLine struct {
	Email         string  `json:"email"`
	ID            string  `json:"id"` // a new one if empty
	Name          string  `json:"name"`
	Image         *string `json:"image"`
	EmailVerified bool    `json:"emailVerified"`
	// PasswordHash is in one of the forms of [passhash.Form]. A user without one requests a
	// link by email.
	PasswordHash string     `json:"passwordHash"`
	TOTPSecret   string     `json:"totpSecret"` // in base32, for codes of 6 digits every 30 seconds with SHA-1; empty for none
	BackupCodes  []string   `json:"backupCodes"`
	Disabled     bool       `json:"disabled"`
	CreatedAt    *time.Time `json:"createdAt"` // now if it is missing
}

// maxLine is the maximum length of a line, in bytes: more than the longest image, name and
// hash.
const maxLine = 64 * 1024

// Users adds the users of a file that has one [UserLine] on each line. What the rules refuse is
// skipped, such as a user whose address has an account already, so that the file can be imported
// again after it has grown. A line that is not a UserLine is an error, which says its number.
func Users(ctx context.Context, file io.Reader, now time.Time, i *account.Importer) (Report, error) {
	r := Report{Skipped: []Skipped{}, Notes: []string{}}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		if err := addLine(ctx, text, now, i, &r); err != nil {
			return r, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return r, fmt.Errorf("line %d is longer than %d bytes", n+1, maxLine)
	}
	in := i.Users()
	r.note(in.WithoutWayIn, "user", "%s without a password can sign in after requesting a new password by email.")
	return r, lines.Err()
}

// addLine adds the user of a line.
func addLine(ctx context.Context, text []byte, now time.Time, i *account.Importer, r *Report) error {
	line, err := parseLine(text)
	if err != nil {
		return err
	}
	u := account.User{
		ID: line.ID, Email: line.Email, Name: line.Name, Image: line.Image, EmailVerified: line.EmailVerified,
		TwoFactorEnabled: line.TOTPSecret != "", CreatedAt: now, UpdatedAt: now,
	}
	if u.ID == "" {
		u.ID = account.NewUserID()
	}
	if line.CreatedAt != nil {
		u.CreatedAt = line.CreatedAt.UTC().Truncate(time.Millisecond)
	}
	if line.Disabled {
		u.DisabledAt = &now
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.TrimRight(line.TOTPSecret, "=")))
	if err != nil {
		return errors.New("totpSecret is not base32") // without err, which may quote it
	}
	if err := i.AddUser(ctx, u); err != nil {
		return r.skip("users", line.Email, err)
	}
	r.Users++
	if line.PasswordHash != "" {
		err := i.AddPassword(ctx, u.ID, line.PasswordHash, now)
		if err := r.count(&r.Passwords, "passwords", line.Email, err); err != nil {
			return err
		}
	}
	if line.TOTPSecret == "" {
		return nil
	}
	n, err := i.AddTOTP(ctx, u.ID, key, line.BackupCodes)
	r.TOTPs++
	r.BackupCodes += n
	return err
}

// parseLine parses a line. Its error does not contain the line, which has secrets.
func parseLine(text []byte) (line UserLine, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(&line)
	if err == nil && d.More() {
		return line, errors.New("there must be one object on each line")
	}
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
	case errors.As(err, &wrongType):
		return line, fmt.Errorf("the member %q has the wrong type", wrongType.Field)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return line, fmt.Errorf("unknown member %s", strings.TrimPrefix(err.Error(), "json: unknown field "))
	default:
		return line, errors.New("it is not a valid JSON object")
	}
	if len(line.BackupCodes) > 0 && line.TOTPSecret == "" {
		return line, errors.New("backupCodes need a totpSecret")
	}
	return line, nil
}
