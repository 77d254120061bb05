package ui

import "strings"

// openedLink is the link in an email that this tab has opened. Its token is in the storage of
// the tab, because the address no longer has it and the page must work after a reload. It
// stays until the link was used or the tab shows another page.
type openedLink struct {
	storage storage
	text    string // for browsers that store nothing
}

// linkKey is the name of the link in the storage. Its text is the page, whether the user has
// just secured the account, and the token.
const linkKey = "latchkey.link"

// The second word of the text.
const (
	byEmail  = "email"
	bySecure = "secure"
)

func (o *openedLink) save(page, by, token string) {
	o.text = page + " " + by + " " + token
	o.storage.set(linkKey, o.text)
}

// of returns the token of a page, or "". secured reports whether the user has just secured the
// account, which has signed out everyone.
func (o *openedLink) of(page string) (token string, secured bool) {
	text := o.storage.get(linkKey)
	if text == "" {
		text = o.text
	}
	if words := strings.SplitN(text, " ", 3); len(words) == 3 && words[0] == page {
		return words[2], words[1] == bySecure
	}
	return "", false
}

func (o *openedLink) remove() {
	o.text = ""
	o.storage.remove(linkKey)
}

// keepOnly removes the link unless the page at path page opened it.
func (o *openedLink) keepOnly(page string) {
	if token, _ := o.of(page); token == "" {
		o.remove()
	}
}
