package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// task draws nothing: only the server draws the pages of tasks.
func (s *shell) task() app.UI { return nil }
