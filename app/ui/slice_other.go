//go:build !js

package ui

// The server draws a page at once.

func startSlices() {}
func nextSlice()   {}
