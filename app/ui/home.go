package ui

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// home draws the settings page itself: who the user is, how well the account is protected and
// what to do next, and a row for each page below. It draws one value and calls no server.
type home struct {
	app.Compo
	Env      *env
	Overview shared.Overview
	Now      time.Time // the base of the relative times
	Language string    // in which it is drawn
	Busy     bool      // an answer to the question is being sent
	Stored   bool      // the overview is from the snapshot, whose handles the server does not know
	News     bool      // there is a newer overview, which would move the content

	ShowNews func()
	Verify   func() // sends a verification email
	Confirm  func(shared.Session)
	Report   func(shared.Session)
	Revoke   func(shared.Session)

	ctx      app.Context
	platform bool // the device itself can store passkeys
	allShown bool // narrow windows show all checks
}

func (h *home) OnInit() {
	defer rescue()
	h.allShown = h.Env.page != nil && h.Env.address().Query().Has(allChecks)
}

func (h *home) OnMount(ctx app.Context) {
	defer rescue()
	h.ctx = ctx
	async(ctx, func() {
		platform := passkey.HasPlatform()
		dispatch(ctx, func(app.Context) { h.platform = platform })
	})
}

func (h *home) enable(ctx app.Context, _ app.Event)    { startFactorChange(ctx, enableChange) }
func (h *home) makeCodes(ctx app.Context, _ app.Event) { startFactorChange(ctx, renewChange) }

func (h *home) addPasskey(ctx app.Context, _ app.Event) {
	startPasskey(ctx, func(err error) {
		if err != nil {
			toastError(ctx, err)
		}
	})
}

func (h *home) showNews(app.Context, app.Event) { h.ShowNews() }
func (h *home) verify(app.Context, app.Event)   { h.Verify() }
func (h *home) confirm(app.Context, app.Event)  { h.Confirm(*h.Overview.Question) }
func (h *home) report(app.Context, app.Event)   { h.Report(*h.Overview.Question) }

// Render implements [app.Composer].
func (h *home) Render() app.UI {
	o := &h.Overview
	checks := h.Env.checkUp(o)
	var question, offer app.UI
	if o.Question != nil {
		question = h.question()
	}
	offers := h.offersPasskey(checks)
	if offers {
		offer = h.passkeyOffer()
	}
	advised := advises(checks, enableTwoFactor)
	return div("home",
		h.news(),
		h.person(),
		html.Div().Body(question),
		h.checks(checks),
		html.Div().Body(offer),
		div("card rows", h.twoFactor(!advised), h.passkeys(!offers && !advises(checks, addPasskey)), h.sessions()),
		div("card rows", h.otherPages()...),
	)
}

// news draws the button that shows a newer overview. It lies over the home, so that nothing moves.
func (h *home) news() app.UI {
	return div("home-news", app.If(h.News, func() app.UI {
		return button(h.Env.T(message.ShowNews), h.showNews).Class("main")
	})).Aria("live", "polite")
}

// person draws who is signed in.
func (h *home) person() app.UI {
	u := h.Overview.User
	return div("person", avatar(u), div("", div("name", span(u.Name)), div("summary", span(u.Email), h.Env.verifiedBadge(u))))
}

// avatar draws the picture of a user, or the initials if there is none that the page may load.
func avatar(u shared.User) app.UI {
	a := html.Span().Class("avatar").Aria("hidden", "true")
	if u.Image != nil && strings.HasPrefix(*u.Image, "/") && !strings.HasPrefix(*u.Image, "//") {
		return a.Body(html.Img(*u.Image, 48))
	}
	return a.Text(initials(u))
}

// initials returns the first letters of the first and the last word of a user's name or, without
// a name, the first letter of the address.
func initials(u shared.User) string {
	words := strings.Fields(u.Name)
	if len(words) == 0 {
		words = []string{u.Email}
	}
	text := firstCharacter(words[0])
	if n := len(words); n > 1 {
		text += firstCharacter(words[n-1])
	}
	return strings.ToUpper(text)
}

// firstCharacter returns the first character of a word.
func firstCharacter(word string) string {
	_, size := utf8.DecodeRuneInString(word)
	return word[:size]
}

// allChecks is the parameter of the address with which narrow windows show all checks from the start.
const allChecks = "checks"

func (h *home) toggleChecks(_ app.Context, e app.Event) {
	e.PreventDefault()
	e.Call("stopPropagation") // otherwise go-app opens the address
	history := app.Window().Get("history")
	history.Call("replaceState", history.Get("state"), "", h.otherChecks())
	h.allShown = !h.allShown
}

// otherChecks returns the address of the home that shows all checks, or only the next one if it shows
// all now.
func (h *home) otherChecks() string {
	if h.allShown {
		return shared.PageSettings
	}
	return shared.PageSettings + "?" + allChecks
}

// checks draws the check-up. Narrow windows show only the worst check, and the others on demand.
func (h *home) checks(checks []check) app.UI {
	e := h.Env
	level, done := worst(checks)
	title := message.CheckUpOK
	switch level {
	case levelAdvice:
		title = message.CheckUpAdvice
	case levelAlarm:
		title = message.CheckUpAlarm
	}
	rows := make([]app.UI, len(checks))
	next := nextCheck(checks, h.Overview.Question != nil)
	for i, c := range checks {
		class := "later"
		if i == next {
			class = ""
		}
		rows[i] = row(html.Li().Class(class), tile(c.level.name(), c.level), span(e.T(c.name)), e.checkBadge(c),
			[]app.UI{span(c.text)}, h.action(c.action))
	}
	all, toggle := "", message.AllChecks
	if h.allShown {
		all, toggle = "all", message.FewerChecks
	}
	return html.Section().Class("card", "check-up", all).Aria("labelledby", "check-up").Body(
		row(html.Div(), tile("shield", level), html.H2().ID("check-up").TabIndex(-1).Text(e.T(title)), nil,
			[]app.UI{span(e.T(message.SecurityCheckUp)), span(e.T(message.CheckUpDone, done, len(checks)))}),
		html.Ul().ID("checks").Class("rows").Body(rows...),
		html.A(h.otherChecks()+"#check-up").Class("more").Aria("controls", "checks").
			Text(e.T(toggle)).OnClick(on(h.toggleChecks)),
	)
}

// action draws what the user can do about a check.
func (h *home) action(a checkAction) app.UI {
	e := h.Env
	switch a {
	case enableTwoFactor:
		return h.enableButton()
	case addPasskey:
		if !passkey.Supported() {
			return html.Div()
		}
		return button(e.T(message.AddPasskey), h.addPasskey)
	case makeBackupCodes:
		return taskButton(e.T(message.NewBackupCodes), shared.PageTwoFactorSettings, e.formCall(shared.GenerateBackupCodes.Path), h.makeCodes)
	case verifyEmail:
		return e.verifyButton(message.VerifyEmailAddress, h.Overview.User.Email, h.verify)
	case reviewSessions:
		return html.A(shared.PageSessions).Class("button").Text(e.T(message.ReviewSessions))
	default:
		return html.Div()
	}
}

// enableButton draws the button that turns on two-factor authentication.
func (h *home) enableButton() app.UI {
	e := h.Env
	call := e.formCall(shared.EnableTwoFactor.Path)
	return taskButton(e.T(message.EnableTwoFactor), shared.PageTwoFactorSettings, call, h.enable).Class("main")
}

// question asks about the newest sign-in that the user has not answered.
func (h *home) question() app.UI {
	e, one := h.Env, h.Overview.Question
	var count app.UI
	if n := h.Overview.Sessions.New; n > 1 {
		count = status(levelAdvice, e.T(message.FirstOf, n))
	}
	state := []app.UI{
		html.Span().ID("question-text").Text(e.deviceName(one.Device)), h.ago("", one.CreatedAt),
		span(one.IPAddress), span(e.methodText(one.Method)),
	}
	yes := app.UI(e.yesButton(*one, h.confirm, h.Busy).Aria("describedby", "question-text"))
	if s := &h.Overview.Sessions; len(s.Newest) > 0 && !mayConfirm(s.Newest[0], *one, s.Count-1 > s.New) {
		yes = hint(e.T(message.ErrSessionUnconfirmed))
	}
	return row(html.Section().Class("card").Aria("labelledby", "question"), tile(one.Device.Kind, levelAdvice),
		html.H2().ID("question").TabIndex(-1).Text(e.T(message.WasThisYou)), count, state,
		div("actions",
			yes,
			e.noButton(*one, shared.PageSettings, h.report, h.Busy).Aria("describedby", "question-text"),
		),
	)
}

// ago draws how long ago something was, after a text, which may be empty.
func (h *home) ago(text string, at shared.Time) app.UI {
	if text != "" {
		text += " "
	}
	return html.Span().Body(html.Text(text), h.Env.timestamp(at, h.Env.ago(at.Time, h.Now)))
}

// pageRow draws the row of a page below the home.
func (h *home) pageRow(path, icon string, badge app.UI, state []app.UI, rest ...app.UI) app.UI {
	page := settingsPageAt(path)
	return row(html.Section().Aria("labelledby", page.section), tile(icon, levelNone),
		html.H2().ID(page.section).TabIndex(-1).Body(html.A(path).Text(h.Env.T(page.name))),
		badge, state, rest...)
}

// arrow draws the arrow of a row whose only action is to open its page.
func arrow() app.UI { return icon("next") }

// twoFactor draws the row of two-factor authentication. enable means that it has the button: the
// check-up has it if it advises it, and no page has two buttons that do the same.
func (h *home) twoFactor(enable bool) app.UI {
	e, s := h.Env, &h.Overview.TwoFactor
	if !s.Enabled {
		off, action := label(e.T(message.StateOff)), arrow()
		if enable {
			action = h.enableButton()
		}
		return h.pageRow(shared.PageTwoFactorSettings, "mobile", off, []app.UI{span(e.T(message.TwoFactorOff))}, action)
	}
	var since app.UI
	if s.Since != nil {
		since = html.Span().Body(html.Text(e.T(message.SinceDate)+" "), e.timestamp(*s.Since, e.localTime(*s.Since, "medium", "")))
	}
	left := e.T(message.BackupCodes) + ": " + e.T(message.BackupCodesOfTenLeft, s.BackupCodesLeft)
	return h.pageRow(shared.PageTwoFactorSettings, "mobile", status(levelOK, e.T(message.StateOn)), []app.UI{since, span(left)}, arrow())
}

// passkeys draws the row of the passkeys. add means that it has the button, as in [home.twoFactor].
func (h *home) passkeys(add bool) app.UI {
	e, s := h.Env, &h.Overview.Passkeys
	text := e.T(message.NoPasskeysAtHome)
	if s.Count > 0 {
		text = e.plural(s.Count, message.PasskeyCountOne, message.PasskeyCountMany)
	}
	state := []app.UI{span(text)}
	if s.LastUsedAt != nil {
		state = append(state, h.ago(e.T(message.LastUsed), *s.LastUsedAt))
	}
	if s.LastUsed != nil {
		state = append(state, span(*s.LastUsed))
	}
	action := arrow()
	if add && passkey.Supported() {
		action = button(e.T(message.AddPasskey), h.addPasskey)
	}
	return h.pageRow(shared.PagePasskeys, "key", nil, state, action)
}

func (h *home) sessions() app.UI {
	e, s := h.Env, &h.Overview.Sessions
	var news app.UI
	if s.New > 0 {
		news = status(levelAdvice, e.T(message.NewCount, s.New))
	}
	rows := make([]app.UI, len(s.Newest))
	for i, one := range s.Newest {
		rows[i] = &homeSession{Env: e, Session: one, Now: h.Now, Stored: h.Stored, Revoke: h.Revoke}
	}
	return h.pageRow(shared.PageSessions, "laptop", news, []app.UI{span(e.plural(s.Count, message.DeviceCountOne, message.DeviceCountMany))},
		arrow(),
		html.Ul().Class("rows").Body(rows...),
		html.A(shared.PageSessions).Class("all").Text(e.T(message.AllSessions)),
	)
}

// otherPages draws the rows of the pages whose state is one fact.
func (h *home) otherPages() []app.UI {
	e, o := h.Env, &h.Overview
	changed, newest, profile := span(e.T(message.PasswordNotSet)), []app.UI{span(e.T(message.NoEventsFound))}, e.T(message.ProfileParts)
	if at := o.Password.ChangedAt; o.Password.Set && at != nil {
		changed = html.Span().Body(e.timestamp(*at, e.passwordAge(o.Password, o.User, h.Now)))
	}
	if o.Newest != nil {
		newest = []app.UI{span(o.Newest.Text), h.ago("", o.Newest.At)}
	}
	if o.Email.Address != "" {
		profile = e.T(message.AddressWaits, o.Email.Address)
	}
	return []app.UI{
		h.pageRow(shared.PagePassword, "lock", nil, []app.UI{changed}, arrow()),
		h.pageRow(shared.PageActivity, "clock", nil, newest, arrow()),
		h.pageRow(shared.PageProfile, "person", nil, []app.UI{span(profile)}, arrow()),
	}
}

// homeSession is one of the newest sessions. It is a component for the same reason as
// [sessionRow].
type homeSession struct {
	app.Compo
	Env     *env
	Session shared.Session
	Now     time.Time
	Stored  bool
	Revoke  func(shared.Session)
}

// CompoID implements [app.DismountEnforcer].
func (r *homeSession) CompoID() string { return r.Session.Token }

func (r *homeSession) revoke(app.Context, app.Event) { r.Revoke(r.Session) }

// Render implements [app.Composer].
func (r *homeSession) Render() app.UI {
	e, one, name := r.Env, &r.Session, "device-"+r.Session.Token
	var mark app.UI
	if one.IsNew {
		mark = status(levelAdvice, e.T(message.NewSession))
	}
	if one.IsCurrent {
		mark = label(e.T(message.ThisDevice))
	}
	active := html.Span().Body(e.timestamp(one.LastActiveAt, e.activeText(*one, r.Now)))
	return row(html.Li(), icon(one.Device.Kind), html.Span().ID(name).Text(e.deviceName(one.Device)), mark,
		[]app.UI{active, html.Span().Class("from").Text(one.IPAddress)},
		taskButton(e.T(message.RevokeThis), shared.PageSessions, e.formCall(shared.RevokeSession.Path, "token", one.Token), r.revoke).
			ID(revokeID(*one)).Aria("describedby", name).Attr("disabled", r.Stored),
	)
}
