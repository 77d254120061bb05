package server_test

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// The functions below use pages as a browser without the app does.

// call submits a form of a page that calls an endpoint. Each field is "name=value".
func (b *browser) call(page, endpoint string, fields ...string) testkit.Answer {
	b.t.Helper()
	return b.send(page, append([]string{shared.FormCall + "=" + endpoint}, fields...)...)
}

// submit submits the form of a page of a task, as a browser does when the user presses its button.
func (b *browser) submit(address string, page testkit.Document, typed ...string) testkit.Answer {
	b.t.Helper()
	buttons := page.All("button", "type=submit", "name="+shared.FormCall)
	if len(buttons) != 1 {
		b.t.Fatalf("%d buttons submit the form of %s", len(buttons), address)
	}
	return b.call(address, attribute(buttons[0], "value"), typed...)
}

// askFor returns the address of the page of a call.
func askFor(page, call string) string {
	return page + "?" + url.Values{shared.FormCall: {call}}.Encode()
}

// task returns the form of a task page, with its fields.
func (b *browser) task(a testkit.Answer, title message.ID) testkit.Document {
	b.t.Helper()
	page := testkit.ParseHTML(b.t, a.Body)
	if got := page.Texts("h1"); len(got) != 1 || got[0] != en.T(title) {
		b.t.Fatalf("the page is %q; want %q: %v", got, en.T(title), a)
	}
	if len(page.All("script", "src")) > 0 {
		b.t.Error("the app starts in the page of a task")
	}
	return page.In(b.t, "main")
}

// wantDone fails the test unless a response opens a page that says what has been done, once.
func (b *browser) wantDone(a testkit.Answer, page string, done message.ID) {
	b.t.Helper()
	wantSeeOther(b.t, a, page)
	says := func() string {
		texts := testkit.ParseHTML(b.t, b.page(page).Body).In(b.t, "div", "class=toasts").Texts("p")
		return strings.Join(texts, "\n")
	}
	if got := says(); got != en.T(done) {
		b.t.Errorf("%s says %q; want %q", page, got, en.T(done))
	}
	if got := says(); got != "" {
		b.t.Errorf("%s says %q twice", page, got)
	}
}

// form opens a page and returns its content.
func (b *browser) form(address string) testkit.Document {
	b.t.Helper()
	_, page := b.drawn(address)
	return page.In(b.t, "main")
}

// wantWrong fails the test unless a response is the page of a refused form, with an error at a field
// and with what was typed into another one.
func wantWrong(t *testing.T, a testkit.Answer, status int, id, sentence string, kept ...string) {
	t.Helper()
	page := testkit.ParseHTML(t, a.Body)
	if texts := page.Texts("p", "id="+id+"-wrong"); a.Status != status || len(texts) != 1 || texts[0] != sentence {
		t.Errorf("%v: the error at %s is %q; want %q", a, id, texts, sentence)
	}
	for _, text := range kept {
		if len(page.All("input", "value="+text)) != 1 {
			t.Errorf("what was typed is not kept: %s", text)
		}
	}
	if strings.Contains(a.Body, testkit.Password) || strings.Contains(a.Body, nextPassword) {
		t.Error("the page has the password in it")
	}
}

// buttonsOf returns the submit buttons of a page with a name and attributes.
func buttonsOf(page testkit.Document, name string, attributes ...string) (found []*html.Node) {
	for _, n := range page.All("button", append(attributes, "type=submit")...) {
		if testkit.Content(n) == name || attribute(n, "aria-label") == name {
			found = append(found, n)
		}
	}
	return found
}

// control returns the button of a page that makes a call and has a name, and fails the test unless
// there is exactly one.
func control(t *testing.T, page testkit.Document, name message.ID) *html.Node {
	t.Helper()
	found := buttonsOf(page, en.T(name), "name="+shared.FormCall)
	if len(found) != 1 {
		t.Fatalf("%d buttons %q", len(found), en.T(name))
	}
	return found[0]
}

// pressOn presses the button of a page, and submits what was typed into its form.
func (b *browser) pressOn(address string, name message.ID, typed ...string) testkit.Answer {
	b.t.Helper()
	return b.call(address, attribute(control(b.t, b.form(address), name), "value"), typed...)
}

// wantToast fails the test unless a response is a page with a toast.
func wantToast(t *testing.T, a testkit.Answer, status int, sentence string) {
	t.Helper()
	texts := testkit.ParseHTML(t, a.Body).In(t, "div", "class=toasts").Texts("p")
	if a.Status != status || strings.Join(texts, "\n") != sentence {
		t.Errorf("%v: the page says %q; want %d, %q", a, texts, status, sentence)
	}
}

// openTask opens the page of a task with the first button of a page that has a name. It returns the
// address of the task, and its form.
func (b *browser) openTask(page string, name, title message.ID) (address string, form testkit.Document) {
	b.t.Helper()
	_, drawn := b.drawn(page)
	buttons := buttonsOf(drawn, en.T(name), "formmethod=get", "name="+shared.FormCall)
	if len(buttons) == 0 {
		b.t.Fatalf("%s has no button %q", page, en.T(name))
	}
	address = askFor(attribute(buttons[0], "formaction"), attribute(buttons[0], "value"))
	return address, b.task(b.page(address), title)
}

// linkOf returns the address of the link of a page that has a name.
func linkOf(t *testing.T, page testkit.Document, name message.ID) string {
	t.Helper()
	for _, link := range page.All("a") {
		if testkit.Content(link) == en.T(name) {
			return attribute(link, "href")
		}
	}
	t.Fatalf("the page has no link %q", en.T(name))
	return ""
}

// wantErrorAt fails the test unless the page of a task has the error at a field, which has the
// focus.
func wantErrorAt(t *testing.T, page testkit.Document, field string, wrong message.ID) {
	t.Helper()
	if got := page.Texts("p", "id=task-"+field+"-wrong"); !slices.Equal(got, []string{en.T(wrong)}) {
		t.Errorf("the errors at %s are %q; want %q", field, got, en.T(wrong))
	}
	wantFocus(t, page, field)
}

// wantFocus fails the test unless a field of a task has the focus when the browser loads its page.
func wantFocus(t *testing.T, page testkit.Document, field string) {
	t.Helper()
	if len(page.All("input", "id=task-"+field, "autofocus")) != 1 {
		t.Errorf("the field %s does not have the focus", field)
	}
}

// stale lets the time pass in which the sessions may make sensitive calls without another proof.
func (s *testServer) stale() { s.clock.Advance(time.Hour) }

// An openedPage is a page with its address, as a browser without the app shows it.
type openedPage struct {
	b       *browser
	address string
	answer  testkit.Answer
	testkit.Document
}

// openPage opens the page at an address, without its fragment.
func (b *browser) openPage(address string) openedPage {
	b.t.Helper()
	address, _, _ = strings.Cut(address, "#")
	a, page := b.drawn(address)
	return openedPage{b, address, a, page}
}

// button returns the only submit button with a name and attributes.
func (p openedPage) button(name string, attributes ...string) *html.Node {
	p.b.t.Helper()
	found := buttonsOf(p.Document, name, attributes...)
	if len(found) != 1 {
		p.b.t.Fatalf("%s has %d buttons %q", p.address, len(found), name)
	}
	return found[0]
}

// formOf returns the form of an element, or nil.
func (p openedPage) formOf(n *html.Node) *html.Node {
	if id, ok := testkit.Attribute(n, "form"); ok {
		return slices.Concat(p.All("form", "id="+id), []*html.Node{nil})[0]
	}
	for n != nil && n.Data != "form" {
		n = n.Parent
	}
	return n
}

// press submits the form of a button, as a browser without the app does, after the user has typed into
// some fields. It returns the response, or the page that opens.
func (p openedPage) press(button *html.Node, typed ...string) openedPage {
	p.b.t.Helper()
	form := p.formOf(button)
	if form == nil {
		p.b.t.Fatalf("%s: the button %v has no form", p.address, button.Attr)
	}
	values := url.Values{}
	for _, n := range append(p.All("input", "name"), p.All("select", "name")...) {
		if p.formOf(n) != form || attribute(n, "type") == "checkbox" {
			continue
		}
		value := attribute(n, "value")
		for option := range n.Descendants() {
			if _, selected := testkit.Attribute(option, "selected"); selected {
				value = attribute(option, "value")
			}
		}
		values.Add(attribute(n, "name"), value)
	}
	for _, one := range typed {
		name, value, _ := strings.Cut(one, "=")
		if !values.Has(name) {
			p.b.t.Fatalf("%s: the form of %v has no field %s, but %v", p.address, button.Attr, name, values)
		}
		values.Set(name, value)
	}
	if name := attribute(button, "name"); name != "" {
		values.Add(name, attribute(button, "value"))
	}
	if slices.Contains([]string{attribute(form, "method"), attribute(button, "formmethod")}, "get") {
		action, _, _ := strings.Cut(cmp.Or(attribute(button, "formaction"), attribute(form, "action")), "#")
		return p.b.openPage(action + "?" + values.Encode())
	}
	a := p.b.Elsewhere().sendRaw(p.address, values.Encode())
	return openedPage{p.b, p.address, a, testkit.ParseHTML(p.b.t, a.Body)}
}

// wantTask fails the test unless the page is that of a task with a title, and without the app.
func (p openedPage) wantTask(title message.ID) openedPage {
	p.b.t.Helper()
	p.b.task(p.answer, title)
	return p
}

// wantBack fails the test unless a response leads back to the page at an address without the call, which
// then says what has been done.
func (p openedPage) wantBack(done message.ID) {
	p.b.t.Helper()
	address := mustParse(p.b.t, p.address)
	query := address.Query()
	query.Del(shared.FormCall)
	address.RawQuery = query.Encode()
	p.b.wantDone(p.answer, address.String(), done)
}

func mustParse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
