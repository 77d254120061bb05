package ui

import "strings"

// methodsKey is the name of the methods in the storage, where they survive a reload.
const methodsKey = "latchkey.two-factor"

func saveMethods(to storage, methods []string) { to.set(methodsKey, strings.Join(methods, " ")) }

// savedMethods returns the stored methods, or nil if there are none.
func savedMethods(from storage) []string {
	if text := from.get(methodsKey); text != "" {
		return strings.Fields(text)
	}
	return nil
}

func clearMethods(from storage) { from.remove(methodsKey) }
