package mail

import (
	"crypto/rand"
	"html/template"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"latchkey/backend/language"
	"latchkey/backend/useragent"
	"latchkey/shared/message"
)

// A Sender is the service that sends the emails.
type Sender struct {
	Name   string
	Origin string // the prefix of all links in emails
}

// A Reader is the recipient of an email.
type Reader struct {
	Address  string
	Language string // one of [shared.Languages]; otherwise English is used

	// Name is the reader's name, for the greeting; empty for none. It must be empty
	// unless the address is verified: another person may have chosen the name for a
	// stranger's address.
	Name string
}

// A RequestContext holds the time, the address and the device of the request that
// caused an email.
type RequestContext struct {
	At        time.Time
	IP        string // empty if unknown
	UserAgent string
}

// Compose returns the email for a notice, due at once.
func (s Sender) Compose(to Reader, o RequestContext, n Notice) Mail {
	e := email{language: language.Of(to.Language, ""), context: o}
	if isName(to.Name) {
		e.paragraph(message.MailGreeting, strings.TrimSpace(to.Name))
	}
	n.write(&e)
	var text, html strings.Builder
	for _, p := range e.body {
		text.WriteString(p.Text + "\n\n")
	}
	text.WriteString("-- \n" + s.Name + "\n" + s.Origin + "\n")
	err := htmlMail.Execute(&html, struct {
		Tag string
		Sender
		Subject    string
		Paragraphs []paragraph
	}{e.language.Tag, s, e.title, e.body})
	if err != nil {
		panic(err) // the template is constant, and its data consists of strings
	}
	return Mail{
		ID: rand.Text(), Recipient: to.Address, Subject: e.title, Text: text.String(), HTML: html.String(),
		CreatedAt: o.At, LeasedUntil: o.At,
	}
}

// htmlMail is plain HTML. It uses the reader's font and colors, except for the buttons of
// links, and loads no resources.
var htmlMail = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Tag}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{.Subject}}</title>
</head>
<body style="max-width: 36em; margin: 0 auto; padding: 1em; font: 16px/1.5 system-ui, sans-serif">
{{range .Paragraphs}}<p>{{if .Button}}<a href="{{.Text}}" style="display: inline-block; padding: 0.6em 1.2em; border-radius: 0.5em; ` +
	`background: #10695a; color: #ffffff; font-weight: 600; text-decoration: none">{{.Button}}</a>{{else}}{{.Text}}{{end}}</p>
{{end}}<hr>
<p><a href="{{.Origin}}">{{.Name}}</a></p>
</body>
</html>
`))

// email is an email that is being composed.
type email struct {
	language *message.Language
	context  RequestContext

	title string
	body  []paragraph
}

type paragraph struct {
	Text   string
	Button string // if the text is a URL of the service: the label of its button in HTML
}

func (e *email) subject(id message.ID) { e.title = e.language.T(id) }

// begin sets the subject and adds the first paragraph, formatted with values.
func (e *email) begin(subject, first message.ID, values ...any) {
	e.subject(subject)
	e.paragraph(first, values...)
}

// paragraph adds a message, formatted with values.
func (e *email) paragraph(id message.ID, values ...any) {
	e.body = append(e.body, paragraph{Text: e.language.T(id, values...)})
}

// link adds a link to a page of the service. In HTML it is a button with a label.
func (e *email) link(address string, label message.ID) {
	e.body = append(e.body, paragraph{address, e.language.T(label)})
}

// requestContext adds a paragraph with the time, the address and the device.
func (e *email) requestContext() {
	from := e.context.IP
	if from == "" {
		from = e.language.T(message.AnUnknownAddress)
	}
	e.paragraph(message.MailRequestContext, e.time(), from, e.device())
}

// requestLink adds the link that a request asked for, what it means for a reader who did not
// make the request, and the context of the request.
func (e *email) requestLink(address string, label, otherwise message.ID) {
	e.link(address, label)
	e.paragraph(otherwise)
	e.requestContext()
}

// requestTime adds a paragraph with only the time.
func (e *email) requestTime() { e.paragraph(message.MailRequestTime, e.time()) }

func (e *email) time() string { return e.context.At.Format(e.language.T(message.DateTimeLayout)) }

// maxDeviceWord, in characters, is enough for "Internet Explorer 11", but too short for
// an attacker's message to the reader.
const maxDeviceName = 24

// device names the device as the app does: "Windows PC · Firefox". An attacker who knows a password
// can choose the user agent that the email names. So device omits names that are long
// or that an email program could turn into a link.
func (e *email) device() string {
	d := useragent.Parse(e.context.UserAgent)
	switch {
	case d.Browser == useragent.App:
		d.Browser = e.language.T(message.AnApp)
	case !isHarmless(d.Browser):
		d.Browser = e.language.T(message.AnUnknownBrowser)
	}
	if !isHarmless(d.OS) {
		d.OS = ""
	}
	return d.Name(e.language)
}

// maxGreeting, in characters, is enough for most names, but too short for a message.
const maxGreeting = 40

// isName reports whether s can be in the greeting: it has only letters and the signs of
// names, so that no email program turns it into a link.
func isName(s string) bool {
	isOther := func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M) && !strings.ContainsRune(" -'’", r) }
	return strings.ContainsFunc(s, unicode.IsLetter) && utf8.RuneCountInString(s) <= maxGreeting && !strings.ContainsFunc(s, isOther)
}

func isHarmless(s string) bool {
	isOther := func(r rune) bool { return r != ' ' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return s != "" && utf8.RuneCountInString(s) <= maxDeviceName && !strings.ContainsFunc(s, isOther)
}
