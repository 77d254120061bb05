package shared

import "encoding/json"

// PageState is the data that a page carries as JSON. The app starts from it, so that it draws what
// the server has drawn and does not request the same data again.
type PageState struct {
	At Time `json:"at"` // when the server collected the data; the page's times are relative to it

	// Answers are the responses to GET requests of the API, by path and query.
	Answers map[string]json.RawMessage `json:"answers,omitempty"`

	// Done says what the last form of the browser has done, in the language of the page.
	Done string `json:"done,omitempty"`

	// Link is the state of the link in an email that has opened the page, if one has.
	Link *LinkState `json:"link,omitempty"`

	// Form is the form of the page, if the browser has submitted it itself and the server has
	// refused it.
	Form *FormState `json:"form,omitempty"`
}

// LinkState is the state of a link in an email.
type LinkState struct {
	Email string `json:"email,omitempty"` // as in [CheckedLink]
	Error *Error `json:"error,omitempty"` // why the link does not work
}

// FormState is a form that the server has refused: the error, and what the user typed except
// secrets.
type FormState struct {
	Error *Error `json:"error"`
	Text  string `json:"text"` // the error's text above the button

	Call  string            `json:"call,omitempty"`  // see [FormCall]; empty for a form that makes no call
	Typed map[string]string `json:"typed,omitempty"` // what the user typed, by field

	// Email is what the user typed on the sign-in page, or on the second-factor page the address of
	// the account.
	Email       string `json:"email,omitempty"`
	Forget      bool   `json:"forget,omitempty"`      // do not stay signed in
	TrustDevice bool   `json:"trustDevice,omitempty"` // trust this device
	BackupCode  bool   `json:"backupCode,omitempty"`  // the field for backup codes has been submitted
}

// FormCall is the field of a form that names the call that the form makes: the path of an
// endpoint, with a query. The query has fields of the call that the user does not type, and
// [FormAccount]. In the address of a page, it asks for the form itself.
const FormCall = "call"

// FormAccount is the field of a call with the ID of the user for whom the form was drawn. As with
// [HeaderAccount], the server refuses the call in the session of another user.
const FormAccount = "account"

// FormToFile is a field of the call of [SendTestMail]: the server writes the email to a file. The next
// page then says so.
const FormToFile = "toFile"
