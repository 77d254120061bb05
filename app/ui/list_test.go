//go:build !js

package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestLoader(t *testing.T) {
	var answer atomic.Pointer[any] // the server's: a number, an error, or nil for none
	loads := 0
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch a := (*answer.Load()).(type) {
		case int:
			fmt.Fprint(w, a)
		case *shared.Error:
			refuse(w, 500, a)
		default:
			panic(http.ErrAbortHandler)
		}
	})
	ctx, engine := mount(t)
	yesterday := time.Now().Add(-24 * time.Hour)
	var l loader[int]
	initLoader(&l, e, "numbers", shared.Endpoint[shared.None, int]{Method: "GET", Path: "/numbers"})
	l.restore = func() time.Time { l.value = 7; return yesterday }
	l.onLoad = func(app.Context) { loads++ }
	after := func(a any, load func()) {
		answer.Store(&a)
		load()
		engine.ConsumeAll()
	}
	if !l.waiting() {
		t.Error("it does not wait before the first load")
	}

	after(shared.ErrInternal, func() { l.mount(ctx) })
	if l.known || l.waiting() || l.problem == nil {
		t.Errorf("when the server fails it shows %v, of %v", l.value, l.problem)
	}
	after(nil, l.load)
	if l.value != 7 || !l.at.Equal(yesterday) || !l.stored || loads != 0 {
		t.Errorf("offline it shows %d of %v, stored %v", l.value, l.at, l.stored)
	}
	if html := html.String(l.drawState()); !strings.Contains(html, en.T(message.AsOf)) {
		t.Errorf("it does not say how old that is: %s", html)
	}

	after(8, func() { refresh(ctx) })
	if l.value != 8 || l.problem != nil || l.stored || loads != 1 || time.Since(l.at) > time.Minute {
		t.Errorf("after a refresh it shows %d of %v, stored %v, %v", l.value, l.at, l.stored, l.problem)
	}
	after(nil, l.load)
	if l.value != 8 || l.problem == nil || l.stored {
		t.Errorf("offline again it shows %d, stored %v, %v", l.value, l.stored, l.problem)
	}
	after(shared.ErrInternal, l.load)
	if html := html.String(l.drawState()); l.value != 8 ||
		!strings.Contains(html, en.T(message.MaybeOutdated)) || !strings.Contains(html, en.T(message.TryAgain)) {
		t.Errorf("after a failure it shows %d and says %s", l.value, html)
	}

	after(9, func() { l.retry(ctx, app.Event{}) })
	if l.value != 9 || l.problem != nil {
		t.Errorf("after another try it shows %d, %v", l.value, l.problem)
	}
}

// TestLoaderOrder tests that the response of an earlier load does not replace that of a later one.
func TestLoaderOrder(t *testing.T) {
	release := make(chan struct{})
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		fmt.Fprint(w, 1)
	})
	ctx, engine := mount(t)
	var l loader[int]
	initLoader(&l, e, "numbers", shared.Endpoint[shared.None, int]{Method: "GET", Path: "/numbers"})
	l.mount(ctx)
	e.answers = pageAnswers{byRequest: map[string]json.RawMessage{"/numbers": json.RawMessage("2")}, until: time.Now().Add(time.Hour)}
	l.load() // its response is there at once
	close(release)
	engine.ConsumeAll()
	if l.value != 2 {
		t.Errorf("it shows %d; want the response of the later load", l.value)
	}
}

func TestPager(t *testing.T) {
	type answer = func(items []string, next string, err error)
	ctx, _ := mount(t)
	var asked []string
	var answers []answer
	var p pager
	p.init(newEnv(), "words")
	var shown []string
	p.fetch = func(ctx app.Context, filter, from string, answered func(app.Context, page, error)) {
		asked = append(asked, filter+"/"+from)
		answers = append(answers, func(items []string, next string, err error) {
			answered(ctx, newPage(&shown, items, next, func(item string) string { return item }), err)
		})
	}
	last := func() answer { return answers[len(answers)-1] }
	want := func(what string, items ...string) {
		t.Helper()
		if !slices.Equal(shown, items) || p.shown != len(items) {
			t.Errorf("%s: it shows %q, %d; want %q", what, shown, p.shown, items)
		}
	}

	p.mount(ctx)
	last()([]string{"a", "b"}, "b", nil)
	want("the first page", "a", "b")
	p.loadFrom("") // as a refresh does
	refreshed := last()
	p.loadMore()
	p.loadMore() // a second click does nothing
	last()([]string{"c"}, "c", nil)
	want("the second page", "a", "b", "c")
	refreshed([]string{"z", "a"}, "a", nil)
	want("a refresh that comes after the second page", "a", "b", "c")

	p.loadMore()
	last()(nil, "", shared.ErrInternal)
	if want("a page that fails", "a", "b", "c"); p.problem == nil || p.busy {
		t.Errorf("it says %v, busy %v", p.problem, p.busy)
	}
	p.retry(ctx, app.Event{})
	last()([]string{"a", "b"}, "b", nil)
	if want("after another try", "a", "b"); p.problem != nil {
		t.Errorf("it still says %v", p.problem)
	}

	p.loadMore()
	old := last()
	p.restart("x")
	old([]string{"c"}, "c", nil)
	want("a page of an older filter", "a", "b")
	last()([]string{"x"}, "", nil)
	if want("the new filter", "x"); p.next != "" {
		t.Errorf("it has a next page at %q", p.next)
	}

	p.loadFrom("")
	early := last()
	p.loadFrom("")
	last()([]string{"x", "y"}, "", nil)
	early([]string{"x"}, "", nil)
	want("an earlier response that comes late", "x", "y")
	if want := []string{"/", "/", "/b", "/c", "/", "/b", "x/", "x/", "x/"}; !slices.Equal(asked, want) {
		t.Errorf("it asks for %q; want %q", asked, want)
	}
}
