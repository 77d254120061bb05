package shared

import "encoding/json"

// PageState is the data that a page carries as JSON. The app starts from it, so that it draws what
// the server has drawn and does not request the same data again.
type PageState struct {
	At Time `json:"at"` // when the server collected the data; the page's times are relative to it

	// Answers are the responses to GET requests of the API, by path and query.
	Answers map[string]json.RawMessage `json:"answers,omitempty"`

	// Form is the form of the page, if the browser has submitted it itself and the server has
	// refused it.
	Form *FormState `json:"form,omitempty"`
}

// FormState is a form that the server has refused: the error, and what the user typed except
// secrets.
type FormState struct {
	Error *Error `json:"error"`
	Text  string `json:"text"` // the error's text above the button

	Email       string `json:"email,omitempty"`
	Forget      bool   `json:"forget,omitempty"`      // do not stay signed in
	TrustDevice bool   `json:"trustDevice,omitempty"` // trust this device
	BackupCode  bool   `json:"backupCode,omitempty"`  // the field for backup codes has been submitted
}
