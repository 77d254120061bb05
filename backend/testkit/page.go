package testkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// All returns the elements with a role and an accessible name, in the order of the page;
// "" matches any. It leaves out elements that screen readers ignore, such as those behind
// a modal dialog.
func (p *Tab) All(role, name string) []*accessibility.Node {
	root, err := ask(p, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return nil
	}
	found, err := ask(p, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		NodeID: root.Root.NodeID, Role: role, AccessibleName: name,
	})
	if err != nil {
		return nil // the page was replaced meanwhile
	}
	var seen []*accessibility.Node
	for _, node := range found.Nodes {
		if !node.Ignored {
			seen = append(seen, node)
		}
	}
	return seen
}

// The waits until exactly one element has a role and a name, and returns it.
func (p *Tab) The(role, name string) *accessibility.Node {
	p.t.Helper()
	return p.With(role, name, "")
}

// With waits until exactly one element has a role, a name and a description, and returns
// it; "" matches any.
func (p *Tab) With(role, name, description string) (node *accessibility.Node) {
	p.t.Helper()
	p.Await(fmt.Sprintf("there is one %s %q %s", role, name, description), func() bool {
		node = p.one(role, name, description)
		return node != nil
	})
	return node
}

// one returns the only such element, or nil if there are none or several.
func (p *Tab) one(role, name, description string) (node *accessibility.Node) {
	n := 0
	for _, found := range p.All(role, name) {
		if description == "" || Text(found.Description) == description {
			node, n = found, n+1
		}
	}
	if n != 1 {
		return nil
	}
	return node
}

// None waits until no element has a role and a name.
func (p *Tab) None(role, name string) {
	p.t.Helper()
	p.Await(fmt.Sprintf("there is no %s %q", role, name), func() bool { return len(p.All(role, name)) == 0 })
}

// Text returns the text of a value of the accessibility tree.
func Text(v *accessibility.Value) string {
	var s string
	if v != nil {
		json.Unmarshal(v.Value, &s) // s stays empty if the value is not a string
	}
	return s
}

// errMissed means that a click hit another element.
var errMissed = errors.New("the click hits something else")

// Click clicks the middle of the element with a role, a name and a description; "" matches
// any. If the page moves or replaces the element meanwhile, Click tries again, as a user
// would.
func (p *Tab) Click(role, name, description string) {
	p.t.Helper()
	p.click(role, name, description)
}

// click is Click. It returns the element.
func (p *Tab) click(role, name, description string) (element runtime.RemoteObjectID) {
	p.t.Helper()
	defer func() { p.last = nil }()
	p.Await(fmt.Sprintf("a click on the %s %q %s", role, name, description), func() bool {
		node := p.one(role, name, description)
		if node == nil {
			p.last = fmt.Errorf("%d elements match; want 1", len(p.All(role, name)))
			return false
		}
		element, p.last = p.clickNode(node.BackendDOMNodeID)
		return p.last == nil
	})
	return element
}

// Press clicks a button.
func (p *Tab) Press(button string) {
	p.t.Helper()
	p.Click("button", button, "")
}

func (p *Tab) clickNode(id cdp.BackendNodeID) (element runtime.RemoteObjectID, err error) {
	element, hit, err := p.awaitClick(id)
	if err != nil {
		return "", err
	}
	if _, err := ask(p, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: id}); err != nil {
		return "", err
	}
	at, err := p.place(id)
	if err != nil {
		return "", err
	}
	if err := p.do(chromedp.MouseClickXY((at.Left+at.Right)/2, (at.Top+at.Bottom)/2)); err != nil {
		return "", err
	}
	if !hit() {
		return "", errMissed
	}
	return element, nil
}

// awaitClick listens for a click on an element, which it returns. hit ends that, and reports
// whether there was a click.
func (p *Tab) awaitClick(id cdp.BackendNodeID) (element runtime.RemoteObjectID, hit func() bool, err error) {
	node, err := ask(p, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id})
	if err != nil {
		return "", nil, err
	}
	element = node.Object.ObjectID
	if !p.scripts { // no listener runs there
		return element, func() bool { return true }, nil
	}
	listener, err := ask(p, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		ObjectID: element,
		FunctionDeclaration: `function() {
			const seen = {hit: false}
			const listen = (e) => { seen.hit ||= e.composedPath().includes(this) }
			addEventListener("click", listen, true)
			seen.end = () => { removeEventListener("click", listen, true); return seen.hit }
			return seen
		}`,
	})
	if err != nil {
		return "", nil, err
	}
	return element, func() bool {
		hit, err := p.isTrue(listener.Result.ObjectID, `function() { return this.end() }`)
		return err != nil || hit // the click may have led to another page
	}, nil
}

// isTrue reports whether a function returns true for an object of the page.
func (p *Tab) isTrue(object runtime.RemoteObjectID, function string) (bool, error) {
	r, err := ask(p, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		ObjectID: object, FunctionDeclaration: function, ReturnByValue: new(true),
	})
	return err == nil && string(r.Result.Value) == "true", err
}

// A Place is the position of an element in the window, in CSS pixels.
type Place struct{ Left, Top, Right, Bottom float64 }

// Place returns the position of the element with a role and a name.
func (p *Tab) Place(role, name string) Place {
	p.t.Helper()
	at, err := p.place(p.The(role, name).BackendDOMNodeID)
	if err != nil {
		p.t.Fatalf("the %s %q: %v", role, name, err)
	}
	return at
}

func (p *Tab) place(id cdp.BackendNodeID) (Place, error) {
	found, err := ask(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: id})
	if err != nil {
		return Place{}, err
	}
	if len(found.Quads) == 0 {
		return Place{}, errors.New("it has no place in the page")
	}
	q := found.Quads[0]
	return Place{q[0], q[1], q[4], q[5]}, nil
}

// Tap taps the element with a role and a name, as a finger does. If the element is out of
// sight, the finger first drags the page there. So, unlike [Tab.Click], Tap reaches only
// elements that a user can scroll to.
func (p *Tab) Tap(role, name string) {
	p.t.Helper()
	p.Await("a tap on the "+role+" "+name, func() bool {
		node := p.one(role, name, "")
		if node == nil {
			return false
		}
		at, err := p.place(node.BackendDOMNodeID)
		if err != nil {
			return false
		}
		width, height := Eval[float64](p, "innerWidth"), Eval[float64](p, "innerHeight")
		if x := (at.Left + at.Right) / 2; x < 0 || x > width {
			p.t.Fatalf("%s is beside the page of %g: %+v", name, width, at)
		}
		drag := 0.0
		if at.Bottom > height {
			drag = -min(at.Bottom-height/2, height/2)
		} else if at.Top < 0 {
			drag = min(height/2-at.Top, height/2)
		}
		if drag != 0 {
			p.touch(width/2, height/2, drag)
			return false
		}
		_, hit, err := p.awaitClick(node.BackendDOMNodeID)
		if err != nil {
			return false
		}
		p.touch((at.Left+at.Right)/2, (at.Top+at.Bottom)/2, 0)
		return hit()
	})
}

// touch puts a finger down, drags it by a number of pixels, up if that is negative, and
// lifts it. According to the times of the events, the finger rests after each move. Otherwise
// the browser would take the drag for a fling, and the page would go on moving.
func (p *Tab) touch(x, y, drag float64) {
	p.t.Helper()
	const rest = 50 * time.Millisecond // Chromium forgets the speed of a finger after 40
	moves := 0
	if drag != 0 {
		moves = 10
	}
	at := time.Now().Add(-time.Duration(moves+1) * rest)
	send := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		Command(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{
			Type: kind, TouchPoints: points, Timestamp: input.TimeSinceEpoch(float64(at.UnixNano()) / 1e9),
		})
		at = at.Add(rest)
	}
	send(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	for i := range moves {
		send(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x, Y: y + drag*float64(i+1)/float64(moves)})
	}
	send(input.DispatchTouchEventTypeTouchEnd)
}

// Fill replaces the content of the text field with a label.
func (p *Tab) Fill(label, text string) {
	p.t.Helper()
	// The page may still move the focus after the previous action, as it does when a
	// dialog closes. A user sees that and clicks again.
	p.Await("what is typed into "+label+" is in it", func() bool {
		typed := p.startTyping(p.click("textbox", label, ""))
		if typed == "" {
			return false
		}
		p.write(text)
		done, _ := p.isTrue(typed, fmt.Sprintf(`function() { return (this.text ?? this.field.value) === %s }`, Quote(text)))
		// A complete code submits itself, and its page disappears.
		return done || len(p.All("textbox", label)) == 0
	})
}

// startTyping selects the content of a field. It returns an object with the text of the field after
// the last key: the page may clear the field at once, because a complete code submits itself. It
// returns "" if the field does not have the focus, because the keys would go to another one.
func (p *Tab) startTyping(field runtime.RemoteObjectID) (typed runtime.RemoteObjectID) {
	r, err := ask(p, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		ObjectID: field,
		FunctionDeclaration: `function() {
			if (document.activeElement !== this) return null
			this.select?.()
			const typed = {field: this, text: null}
			this.addEventListener("input", () => { typed.text = this.value }, true)
			return typed
		}`,
	})
	if err != nil {
		return "" // the page was replaced meanwhile
	}
	return r.Result.ObjectID
}

// longText is the length, in bytes, from which write pastes a text. Codes of six digits,
// which the page checks while a user types, are shorter.
const longText = 9

// write types a text. If the text is long, write pastes all but the last character: each
// key makes the browser draw the page, which takes half as long as a click.
func (p *Tab) write(text string) {
	p.t.Helper()
	if len(text) < longText {
		p.Key(text)
		return
	}
	_, last := utf8.DecodeLastRuneInString(text)
	Command(p, input.InsertText, input.InsertTextParams{Text: text[:len(text)-last]})
	p.Key(text[len(text)-last:])
}

// Key presses keys, one after another.
func (p *Tab) Key(keys string) {
	p.t.Helper()
	p.Do(chromedp.KeyEvent(keys))
}

// Enter replaces the content of the input with an id. Unlike [Tab.Fill], it also works in
// a page without scripts, and does not check the result. It waits until the browser has read the
// page: without its button, the Enter key does not submit a form.
func (p *Tab) Enter(id, text string) {
	p.t.Helper()
	p.Until("there is a "+id, fmt.Sprintf(`document.readyState !== "loading" &&
		(() => { const e = document.getElementById(%q); e.focus(); e.select(); return document.activeElement === e })()`, id))
	p.Key(text)
}

// Backwards makes [Tab.TabTo] hold the Shift key down.
var Backwards = chromedp.KeyModifiers(chromedp.ModifierShift)

// TabTo presses the Tab key, at most 40 times, until the element with a name has the
// focus. It holds down the given keys meanwhile, such as [Backwards].
func (p *Tab) TabTo(name string, held ...chromedp.KeyOption) {
	p.t.Helper()
	for range 40 {
		p.Do(chromedp.KeyEvent(kb.Tab, held...))
		if p.Focused() == name {
			return
		}
	}
	p.t.Fatalf("the Tab key does not reach %s", name)
}

// Focused returns the accessible name of the element that has the focus, or "".
func (p *Tab) Focused() string {
	active, err := ask(p, runtime.Evaluate, runtime.EvaluateParams{
		Expression: `document.activeElement === document.body ? null : document.activeElement`,
	})
	if err != nil || active.Result.ObjectID == "" {
		return ""
	}
	found, err := ask(p, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{
		ObjectID: active.Result.ObjectID, FetchRelatives: new(false),
	})
	if err != nil || len(found.Nodes) == 0 {
		return "" // the page was replaced meanwhile
	}
	return Text(found.Nodes[0].Name)
}

// AwaitFocus waits until the element with a name has the focus.
func (p *Tab) AwaitFocus(name string) {
	p.t.Helper()
	p.Await("the focus is on "+name, func() bool { return p.Focused() == name })
}

// Choose chooses an option of the select element with a label.
func (p *Tab) Choose(label, option string) {
	p.t.Helper()
	chosen := func() bool {
		node := p.one("combobox", label, "")
		return node != nil && Text(node.Value) == option
	}
	// After a pause of a second, a key begins the search for another option. A user sees that and
	// chooses again.
	p.Await(label+" is "+option, func() bool {
		if chosen() {
			return true
		}
		p.Click("combobox", label, "")
		p.Key(option + "\r")
		return chosen()
	})
}

// Fits checks that the content is not wider than a page of that many pixels, and that the
// content of each open dialog is not wider than the dialog.
func (p *Tab) Fits(width int, what string) {
	p.t.Helper()
	for _, trouble := range Eval[[]string](p, fmt.Sprintf(`[document.documentElement, ...document.querySelectorAll("dialog[open]")].
		filter((e) => e.scrollWidth > Math.min(e.clientWidth, %d)).
		map((e) => e.scrollWidth + " pixels are in a " + e.localName + " of " + e.clientWidth)`, width)) {
		p.t.Errorf("%s, on a page of %d: %s", what, width, trouble)
	}
}
