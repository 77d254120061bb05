package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// storage stores texts by name, beyond the lifetime of a page.
type storage interface {
	get(name string) string // "" if there is none
	set(name, text string)
	remove(name string)
	names() []string
}

// browserStorage is one of the browser's two storages, by its name in the window: localStorage,
// or sessionStorage, which lasts as long as the tab. Outside a browser it stores nothing.
type browserStorage string

func (s browserStorage) value() app.Value { return app.Window().Get(string(s)) }

func (s browserStorage) get(name string) string {
	if text := s.value().Call("getItem", name); text.Truthy() {
		return text.String()
	}
	return ""
}

// set does nothing if the browser throws, because the user does not allow sites to store data
// or the disk is full. The app then has nothing to show without a network, but works
// otherwise.
func (s browserStorage) set(name, text string) {
	defer func() { recover() }()
	s.value().Call("setItem", name, text)
}

func (s browserStorage) remove(name string) { s.value().Call("removeItem", name) }

func (s browserStorage) names() []string {
	v := s.value()
	names := make([]string, v.Get("length").Int())
	for i := range names {
		names[i] = v.Call("key", i).String()
	}
	return names
}
