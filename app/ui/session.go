package ui

import (
	"errors"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
	"latchkey/shared/message"
)

// The actions by which components tell the shell about changes of the session.
const (
	signedInAction       = "signed-in"
	updateUserAction     = "update-user"
	setLanguageAction    = "set-language"
	goToSignInAction     = "go-to-sign-in"
	signOutAction        = "sign-out"
	refreshAction        = "refresh"
	announceChangeAction = "announce-change"
)

// signedIn continues as user, who has just signed in.
func signedIn(ctx app.Context, user shared.User) {
	ctx.NewActionWithValue(signedInAction, user)
}

// updateUser sets the new data of the user, who has just changed it.
func updateUser(ctx app.Context, user shared.User) {
	ctx.NewActionWithValue(updateUserAction, user)
}

// setLanguage switches to the language that the user has just chosen.
func setLanguage(ctx app.Context, chosen string) {
	ctx.NewActionWithValue(setLanguageAction, chosen)
}

// goToSignIn goes to the sign-in page, which shows the reason.
func goToSignIn(ctx app.Context, reason message.ID) {
	ctx.NewActionWithValue(goToSignInAction, signInReason{text: reason})
}

// signInAgain is [goToSignIn] after an error that ended a sign-in.
func signInAgain(ctx app.Context, err error) {
	ctx.NewActionWithValue(goToSignInAction, signInReason{err: err})
}

// signOut ends the session of this browser.
func signOut(ctx app.Context) {
	ctx.NewAction(signOutAction)
}

// refresh makes the components load all data again that may have changed.
func refresh(ctx app.Context) {
	ctx.NewAction(refreshAction)
}

// announceChange tells the other tabs that something has changed.
func announceChange(ctx app.Context) {
	ctx.NewAction(announceChangeAction)
}

// fetchSession asks the server who is signed in, and redirects accordingly.
func (s *shell) fetchSession(ctx app.Context) {
	e := s.env
	s.fetchedAt = time.Now()
	i := &e.identity
	version := i.version
	call(ctx, e, shared.GetSession, shared.None{}, func(ctx app.Context, current *shared.Current, err error) {
		s.answered = true
		switch i.answer(version, current, err, func() bool { return e.snapshots.load() != nil }) {
		case answerOffline:
			s.useSnapshot(ctx)
		case answerSignedIn:
			e.snapshots.saveUser(current.User, i.since, current.Remember)
			s.followLanguage(current.Language)
			s.redirect(ctx)
		case answerEnded:
			goToSignIn(ctx, sessionEnded)
		case answerSignedOut:
			if s.route.reason.text == signedOutHere {
				s.route.reason.text = signedOut // see [pendingSignOut]
			}
			s.redirect(ctx)
		}
	})
}

// useSnapshot continues with the snapshot, because the server cannot be reached.
func (s *shell) useSnapshot(ctx app.Context) {
	e := s.env
	i, k := &e.identity, e.snapshots.load()
	switch {
	case i.expired():
		s.expireSnapshot()
	case i.user != nil:
		i.problem = nil
	case k != nil:
		i.useSnapshot(k)
		e.client.Assume(time.Duration(k.Ahead) * time.Millisecond)
		s.redirect(ctx)
	}
}

// expireSnapshot deletes the user's data, because the server has not responded for too long.
func (s *shell) expireSnapshot() {
	s.env.tabs.post(tabSessionEnded)
	s.clearUser(signInReason{text: forgotten})
}

// redirect goes to another page if this one is not for the user.
func (s *shell) redirect(ctx app.Context) {
	if s.env.askingTrust && s.route.path == shared.PageTwoFactor {
		return // until the user has answered
	}
	if to := s.route.redirect(ctx.Page().URL(), s.env.identity.user != nil); to != "" {
		replacePage(to)
	}
}

// onFocus refreshes the page when the user returns to it.
func (s *shell) onFocus(ctx app.Context, _ app.Value) {
	if !visible() {
		s.env.timesHidden++
		return
	}
	if time.Since(s.fetchedAt) < 2*time.Second {
		return
	}
	refresh(ctx)
}

// onRefresh loads the shell's own data again.
func (s *shell) onRefresh(app.Context, app.Action) { s.fetchSession(s.ctx) }

func (s *shell) onAnnounceChange(app.Context, app.Action) {
	if s.env.identity.user != nil {
		s.env.tabs.post(tabChanged)
	}
}

func (s *shell) onTabMessage(ctx app.Context, m tabMessage) {
	switch m {
	case tabSignedIn, tabSessionEnded, tabChanged:
		refresh(ctx)
	case tabSignedOut:
		s.clearUser(signInReason{text: signedOutElsewhere})
	case tabAccountDeleted:
		s.clearUser(signInReason{text: accountDeleted})
	}
}

func (s *shell) onSecondFactor(ctx app.Context, a app.Action) {
	pending := a.Value.(shared.PendingSignIn)
	s.env.signingIn = pending.Email
	saveMethods(s.env.sessionStorage, pending.Methods)
	ctx.Navigate(secondFactorPath(s.route.next))
}

func (s *shell) onSignedIn(_ app.Context, a app.Action) {
	e := s.env
	e.identity.signIn(a.Value.(shared.User), time.Now())
	clearMethods(e.sessionStorage)
	e.signingIn = ""
	e.tabs.post(tabSignedIn)
	to := shared.NextPage(s.route.next)
	replacePage(to)
	if shared.CallbackOf(to) != "" {
		return // the browser leaves the app
	}
	s.route.next = ""
	s.fetchSession(s.ctx) // a sign-in does not return the user's permissions
}

func (s *shell) onUpdateUser(_ app.Context, a app.Action) {
	user := a.Value.(shared.User)
	s.env.identity.user = &user
}

// followLanguage switches to the user's choice of language, and stores it in this browser.
func (s *shell) followLanguage(choice string) {
	s.saveLanguage(choice)
	s.useLanguage(choice)
	s.renewPages()
}

func (s *shell) saveLanguage(choice string) {
	e := s.env
	e.identity.language = choice
	e.snapshots.saveLanguage(e.account(), choice)
	if choice != savedLanguage() {
		saveLanguage(choice)
	}
}

// useLanguage switches to a choice of language, if the page has another one. It tells the user
// once if the language cannot be loaded.
func (s *shell) useLanguage(choice string) {
	tag := preferredLanguage(choice, browserLanguages())
	if tag == s.language && tag == s.env.Language.Tag {
		return
	}
	s.switchLanguage(tag, func(err error) {
		if err != nil && s.missedLanguage != tag {
			s.missedLanguage = tag
			toastError(s.ctx, err)
		}
	})
}

func (s *shell) onSetLanguage(_ app.Context, a app.Action) {
	choice := a.Value.(string)
	s.saveLanguage(choice)
	s.switchLanguage(preferredLanguage(choice, browserLanguages()), func(err error) {
		if err != nil {
			toastError(s.ctx, err)
			return
		}
		toast(s.ctx, s.env.T(message.DoneLanguageSaved))
	})
}

func (s *shell) onGoToSignIn(ctx app.Context, a app.Action) {
	e := s.env
	reason := a.Value.(signInReason)
	switch reason.text {
	case sessionEnded:
		e.tabs.post(tabSessionEnded)
	case signedOut:
		e.tabs.post(tabSignedOut)
	case accountDeleted:
		e.tabs.post(tabAccountDeleted)
	}
	s.route.leave(ctx.Page().URL(), reason)
	s.clearUser(reason)
}

// clearUser deletes the data of the user, in the page and in the browser's storage.
func (s *shell) clearUser(reason signInReason) {
	s.env.identity.clearUser()
	s.signingOut = false
	s.upgrade.abort()
	s.env.snapshots.wipe()
	if reason.text != sessionEnded {
		s.env.opened.remove()
	}
	for _, dialog := range dialogs {
		closeDialog(dialog)
	}
	toast(s.ctx, "")
	if isPublic(s.route.path) && reason.text != passwordChosen {
		return
	}
	s.route.reason = reason
	replacePage(shared.PageSignIn)
}

func (s *shell) clickSignOut(ctx app.Context, _ app.Event) { signOut(ctx) }

func (s *shell) onSignOut(app.Context, app.Action) {
	e := s.env
	if s.signingOut {
		return
	}
	s.signingOut = true
	e.snapshots.wipe() // even if the call fails
	e.pendingSignOut.save(e.identity.since)
	call(s.ctx, e, shared.SignOut, shared.None{}, func(ctx app.Context, _ shared.Success, err error) {
		s.signingOut = false
		if !errors.Is(err, client.ErrOffline) {
			e.pendingSignOut.clear()
		}
		switch {
		case err == nil:
			goToSignIn(ctx, signedOut)
		case errors.Is(err, client.ErrOffline):
			e.tabs.post(tabSignedOut)
			s.clearUser(signInReason{text: signedOutHere})
		default:
			toastError(ctx, err)
		}
	})
}
