package shared

import (
	"testing"

	"latchkey/shared/message"
)

// TestEveryErrorIsExplained tests that people read something about each error in each
// language. Only the end of a session is no news: the sign-in page says it.
func TestEveryErrorIsExplained(t *testing.T) {
	for _, l := range message.Languages {
		for _, e := range Errors {
			if text := e.Text(l); (text == "") != (e == ErrUnauthorized) {
				t.Errorf("%s of %v: %q", l.Tag, e, text)
			}
		}
	}
}

// TestErrorsOfCalls tests that errors which the server gives to forms and to calls of the
// app do not speak of a form: in the app there is none that a website could have sent.
func TestErrorsOfCalls(t *testing.T) {
	for e, want := range map[*Error]string{
		ErrMethod: "Diese Adresse nimmt diese Methode nicht an.", ErrOrigin: "Ungültiger Origin", ErrNoOrigin: "Der Origin fehlt oder ist null",
		ErrCrossSite: "Anmeldung von einer anderen Website aus blockiert. Diese Anfrage sieht nach einem CSRF-Angriff aus.",
	} {
		if text := e.Text(message.English); text != e.Message {
			t.Errorf("%v: %q", e, text)
		}
		if text := e.Text(message.German); text != want {
			t.Errorf("%v: %q", e, text)
		}
	}
}
