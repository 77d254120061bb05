package passkey

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"syscall/js"
	"time"
)

// Supported reports whether the browser knows passkeys. It does not say so on a
// page that came by plain http.
func Supported() bool {
	return class().Truthy() && js.Global().Get("navigator").Get("credentials").Truthy()
}

func class() js.Value { return js.Global().Get("PublicKeyCredential") }

// Can reports whether the browser says that it has a capability, by the name
// that getClientCapabilities has for it. It must not be called on the UI
// goroutine: the answer takes a while.
func Can(capability string) bool {
	all := ask("getClientCapabilities")
	return all.Type() == js.TypeObject && all.Get(capability).Truthy()
}

// HasPlatform reports whether the device itself can keep passkeys and verify
// its user. It must not be called on the UI goroutine.
func HasPlatform() bool {
	return ask("isUserVerifyingPlatformAuthenticatorAvailable").Truthy()
}

// CanOffer reports whether passkeys can be among what a browser fills in. It
// must not be called on the UI goroutine.
func CanOffer() bool {
	return ask("isConditionalMediationAvailable").Truthy()
}

// ask awaits a method of the class, which the browser may lack.
func ask(method string) (answer js.Value) {
	defer func() {
		if recover() != nil {
			answer = js.Undefined()
		}
	}()
	if c := class(); c.Truthy() && c.Get(method).Type() == js.TypeFunction {
		done := make(chan js.Value, 1)
		settle(c.Call(method), func(value js.Value, err error) { done <- value })
		return <-done
	}
	return js.Undefined()
}

// Request is something that the browser was asked. There is one at a time:
// the next one ends the one before, and begins once that has ended. All of its
// fields are used on the browser's one thread.
type Request struct {
	ask   func(signal js.Value) js.Value // the promise
	abort js.Value                       // an AbortController; undefined if it cannot be aborted
	given bool                           // up, before it was begun or after
	next  *Request                       // begins when this one has ended

	done   chan struct{} // closed when it has ended
	answer []byte
	err    error
}

// current is the request that has not ended yet.
var current *Request

// Busy reports whether the browser is being asked.
func Busy() bool { return current != nil && !current.given }

// Create asks for a new passkey as options say, which are a
// PublicKeyCredentialCreationOptionsJSON. [Request.Wait] returns a
// RegistrationResponseJSON.
//
// It calls the browser before it returns, because the browser may want to see
// that in the handler of a click. Only if another request has to be ended
// first does it call later.
func Create(options []byte, way Way) *Request { return begin("create", options, way) }

// Get asks for the use of a passkey as options say, which are a
// PublicKeyCredentialRequestOptionsJSON. [Request.Wait] returns an
// AuthenticationResponseJSON. It calls the browser as soon as [Create] does.
func Get(options []byte, way Way) *Request { return begin("get", options, way) }

func begin(method string, options []byte, way Way) *Request {
	r := &Request{done: make(chan struct{}), abort: js.Undefined()}
	key, err := publicKey(options)
	if err != nil {
		r.end(nil, &Error{"DataError", err.Error()})
		return r
	}
	r.ask = func(signal js.Value) js.Value {
		// The objects are made now: they must be of a page that is still there.
		in := map[string]any{"publicKey": value(key)}
		switch way {
		case Quiet:
			in["mediation"] = "conditional"
		case Immediate:
			in["uiMode"] = "immediate"
		}
		if signal.Truthy() {
			in["signal"] = signal
		}
		return js.Global().Get("navigator").Get("credentials").Call(method, in)
	}
	if way != Immediate { // which refuses a signal
		r.abort = js.Global().Get("AbortController").New()
	}

	before := current
	if before == nil {
		r.start()
		return r
	}
	if waiting := before.next; waiting != nil {
		waiting.given = true
		waiting.end(nil, ErrAborted)
	}
	before.next = r
	before.Abort()
	return r
}

// start calls the browser.
func (r *Request) start() {
	current = r
	defer func() {
		if thrown := recover(); thrown != nil {
			r.end(nil, exception(thrown))
		}
	}()
	signal := js.Undefined()
	if r.abort.Truthy() {
		signal = r.abort.Get("signal")
	}
	settle(r.ask(signal), func(value js.Value, err error) {
		if err != nil {
			r.end(nil, err)
			return
		}
		r.end(read(value))
	})
}

// end takes the answer and lets the next request begin. It may be called again,
// in vain.
func (r *Request) end(answer []byte, err error) {
	select {
	case <-r.done:
		return
	default:
	}
	if r.given {
		answer, err = nil, ErrAborted // also if the answer was on its way
	}
	r.answer, r.err = answer, err
	close(r.done)
	if current != r {
		return
	}
	current = nil
	if next := r.next; next != nil && !next.given {
		next.start()
	}
}

// Abort gives the request up. It does nothing to one that has ended.
func (r *Request) Abort() {
	if r == nil || r.given {
		return
	}
	r.given = true
	if current != r { // it has not begun, or has ended
		r.end(nil, ErrAborted)
		return
	}
	if r.abort.Truthy() {
		r.abort.Call("abort")
	}
	// There are extensions that do not listen. The next one must not wait for
	// them.
	go func() {
		time.Sleep(time.Second)
		r.end(nil, ErrAborted)
	}()
}

// Wait returns the answer. It must not be called on the UI goroutine: the
// person takes their time. Its error is always an [*Error].
func (r *Request) Wait() ([]byte, error) {
	<-r.done
	return r.answer, r.err
}

// settle calls then with what a promise comes to.
func settle(promise js.Value, then func(js.Value, error)) {
	var kept, broken js.Func
	once := func(value js.Value, err error) any {
		kept.Release()
		broken.Release()
		then(value, err)
		return nil
	}
	kept = js.FuncOf(func(_ js.Value, args []js.Value) any { return once(first(args), nil) })
	broken = js.FuncOf(func(_ js.Value, args []js.Value) any {
		return once(js.Undefined(), exception(js.Error{Value: first(args)}))
	})
	defer func() {
		if thrown := recover(); thrown != nil { // it is no promise
			once(js.Undefined(), exception(thrown))
		}
	}()
	promise.Call("then", kept, broken)
}

func first(args []js.Value) js.Value {
	if len(args) == 0 {
		return js.Undefined()
	}
	return args[0]
}

// exception is what was thrown, as an [Error].
func exception(thrown any) *Error {
	e, ok := thrown.(js.Error)
	if !ok {
		return &Error{"TypeError", fmt.Sprint(thrown)} // syscall/js itself panicked
	}
	return &Error{text(e.Value, "name"), text(e.Value, "message")}
}

// text is a member that is a string, or "".
func text(object js.Value, member string) string {
	if object.Type() != js.TypeObject && object.Type() != js.TypeFunction {
		return ""
	}
	if v := object.Get(member); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// value makes an object of the browser of what [publicKey] read.
func value(v any) js.Value {
	switch v := v.(type) {
	case []byte:
		array := js.Global().Get("Uint8Array").New(len(v))
		js.CopyBytesToJS(array, v)
		return array
	case map[string]any:
		object := js.Global().Get("Object").New()
		for name, member := range v {
			object.Set(name, value(member))
		}
		return object
	case []any:
		array := js.Global().Get("Array").New(len(v))
		for i, element := range v {
			array.SetIndex(i, value(element))
		}
		return array
	default:
		return js.ValueOf(v)
	}
}

// read writes down the credential that the browser gave.
func read(from js.Value) (answer []byte, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = exception(thrown)
		}
	}()
	if from.Type() != js.TypeObject {
		return nil, ErrNotAllowed // null: nothing was chosen
	}
	response := from.Get("response")
	c := credential{
		RawID:      binary(from, "rawId"),
		Type:       "public-key",
		Attachment: text(from, "authenticatorAttachment"),
	}
	if c.RawID == "" {
		c.RawID = text(from, "id")
	}
	c.ID = c.RawID
	c.Response.ClientData = binary(response, "clientDataJSON")
	c.Response.Attestation = binary(response, "attestationObject")
	c.Response.AuthenticatorData = binary(response, "authenticatorData")
	c.Response.Signature = binary(response, "signature")
	c.Response.UserHandle = binary(response, "userHandle")
	if c.Response.Attestation != "" {
		c.Response.AuthenticatorData = "" // it is inside
		c.Response.Transports = transports(response)
		c.Extensions = results(from)
	}
	return json.Marshal(c)
}

// binary is a member that is bytes, as text; "" if there are none.
func binary(object js.Value, member string) string {
	v := object.Get(member)
	if v.Type() != js.TypeObject {
		return ""
	}
	array := js.Global().Get("Uint8Array")
	if buffer := v.Get("buffer"); buffer.Truthy() { // it is a view of one
		array = array.New(buffer, v.Get("byteOffset"), v.Get("byteLength"))
	} else {
		array = array.New(v)
	}
	b := make([]byte, array.Get("length").Int())
	js.CopyBytesToGo(b, array)
	return base64.RawURLEncoding.EncodeToString(b)
}

// transports is how the passkey can be reached, if that is told.
func transports(response js.Value) (all []string) {
	defer func() {
		if recover() != nil {
			all = nil
		}
	}()
	list := response.Call("getTransports")
	for i := range list.Length() {
		if one := list.Index(i); one.Type() == js.TypeString {
			all = append(all, one.String())
		}
	}
	return all
}

// results is what became of the extensions that are asked for, if that is told.
func results(from js.Value) (all extensions) {
	defer func() {
		if recover() != nil {
			all = extensions{}
		}
	}()
	if props := from.Call("getClientExtensionResults").Get("credProps"); props.Truthy() {
		all.CredProps = &credProps{RK: props.Get("rk").Truthy()}
	}
	return all
}

// SignalAccepted tells what keeps passkeys which ones of an account there are,
// so that it offers no others. accepted is the argument of
// signalAllAcceptedCredentials.
func SignalAccepted(accepted any) { signal("signalAllAcceptedCredentials", accepted) }

// SignalDetails tells what keeps passkeys what an account is called now.
func SignalDetails(rpID, userID, name, displayName string) {
	signal("signalCurrentUserDetails", map[string]string{
		"rpId": rpID, "userId": userID, "name": name, "displayName": displayName,
	})
}

// SignalUnknown tells what keeps a passkey that it is good for nothing. It is
// deleted then, for good.
func SignalUnknown(rpID, id string) {
	signal("signalUnknownCredential", map[string]string{"rpId": rpID, "credentialId": id})
}

// signal calls a method that not every browser has. Whether it did anything is
// nobody's business, and the browser does not tell.
func signal(method string, argument any) {
	defer func() { recover() }()
	b, err := json.Marshal(argument)
	if c := class(); err == nil && c.Truthy() && c.Get(method).Type() == js.TypeFunction {
		settle(c.Call(method, js.Global().Get("JSON").Call("parse", string(b))), func(js.Value, error) {})
	}
}
