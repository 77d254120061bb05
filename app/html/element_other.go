//go:build !js

package html

import (
	"fmt"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// Element is an HTML element.
type Element = *node

// A node is an element, or a text if tag is "". Its methods have the meaning of those of
// [app.HTMLElem]. Event handlers do nothing: they are called in browsers only.
type node struct {
	app.UI // nil; go-app's conditions and loops take only its own interface

	tag, text  string
	attributes []attribute
	body       []app.UI
}

type attribute struct{ name, value string }

func element(tag string) Element { return &node{tag: tag} }

// Text returns a text.
func Text(s string) app.UI { return &node{text: s} }

// WithoutApp returns content for browsers without JavaScript, or in which the app cannot run.
// web/app.css hides it from others.
func WithoutApp(content ...app.UI) app.UI {
	return element("div").Class("without-app").Body(content...)
}

// Body sets the content.
func (n *node) Body(content ...app.UI) Element {
	n.body = app.FilterUIElems(content...)
	return n
}

// Text sets the content to a text.
func (n *node) Text(s string) Element { return n.Body(Text(s)) }

// Attr sets an attribute. As in go-app, the element does not get one with an empty value.
func (n *node) Attr(name string, value any) Element {
	v := fmt.Sprint(value)
	if name != "value" {
		v = strings.TrimSpace(v)
	}
	if v == "" || isProperty(name) && v == "false" {
		return n
	}
	for i, a := range n.attributes {
		if a.name == name {
			n.attributes[i].value = v
			return n
		}
	}
	n.attributes = append(n.attributes, attribute{name, v})
	return n
}

// isProperty reports whether go-app sets an attribute as a property that is true or false. In HTML,
// such an attribute has no value: it is present or not.
func isProperty(name string) bool {
	switch name {
	case "autofocus", "checked", "disabled", "hidden", "multiple", "open", "readonly", "required", "selected":
		return true
	}
	return false
}

// Class adds classes.
func (n *node) Class(names ...string) Element {
	added := strings.TrimSpace(strings.Join(names, " "))
	for i, a := range n.attributes {
		if a.name == "class" {
			n.attributes[i].value = strings.TrimSpace(a.value + " " + added)
			return n
		}
	}
	return n.Attr("class", added)
}

func (n *node) ID(id string) Element                { return n.Attr("id", id) }
func (n *node) Role(role string) Element            { return n.Attr("role", role) }
func (n *node) Title(title string) Element          { return n.Attr("title", title) }
func (n *node) TabIndex(i int) Element              { return n.Attr("tabindex", i) }
func (n *node) Aria(name string, value any) Element { return n.Attr("aria-"+name, value) }
func (n *node) DataSet(name, value string) Element  { return n.Attr("data-"+name, value) }
func (n *node) XMLNS(string) Element                { return n } // HTML has the namespace of its own elements

func (n *node) On(string, app.EventHandler, ...app.EventOption) Element { return n }
func (n *node) OnChange(app.EventHandler, ...app.EventOption) Element   { return n }
func (n *node) OnClick(app.EventHandler, ...app.EventOption) Element    { return n }
func (n *node) OnInput(app.EventHandler, ...app.EventOption) Element    { return n }
func (n *node) OnKeyDown(app.EventHandler, ...app.EventOption) Element  { return n }
func (n *node) OnSubmit(app.EventHandler, ...app.EventOption) Element   { return n }
