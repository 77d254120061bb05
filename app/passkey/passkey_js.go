package passkey

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"syscall/js"
	"time"
)

// Supported reports whether the browser supports passkeys. On a page loaded over plain HTTP
// it does not, unless the host is localhost.
func Supported() bool {
	return class().Truthy() && js.Global().Get("navigator").Get("credentials").Truthy()
}

func class() js.Value { return js.Global().Get("PublicKeyCredential") }

// Can reports whether the browser has a capability, by its name in getClientCapabilities. It
// must not be called on the UI goroutine, because it waits for the browser.
func Can(capability string) bool {
	all := detect("getClientCapabilities")
	return all.Type() == js.TypeObject && all.Get(capability).Truthy()
}

// HasPlatform reports whether the device itself can store passkeys and verify its user. It
// must not be called on the UI goroutine.
func HasPlatform() bool {
	return detect("isUserVerifyingPlatformAuthenticatorAvailable").Truthy()
}

// CanOffer reports whether the browser can offer passkeys in autofill. It must not be called
// on the UI goroutine.
func CanOffer() bool {
	return detect("isConditionalMediationAvailable").Truthy()
}

// detect calls a static method of PublicKeyCredential and awaits its result. The result is
// undefined if the browser lacks the method.
func detect(method string) (answer js.Value) {
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

// Request is a request to the browser. Only one can be in progress: a new request aborts it
// and begins once it has ended. All fields are used on the browser's main thread only.
type Request struct {
	call    func(signal js.Value) js.Value // calls the browser and returns its promise
	abort   js.Value                       // an AbortController; undefined if it cannot be aborted
	aborted bool                           // perhaps before it began
	next    *Request                       // begins when this request has ended

	done   chan struct{} // closed when the request has ended
	answer []byte
	err    error
}

// current is the request that has not ended yet.
var current *Request

// Busy reports whether a request is in progress and not aborted.
func Busy() bool { return current != nil && !current.aborted }

// Create asks for a new passkey. options are a PublicKeyCredentialCreationOptionsJSON, and
// [Request.Wait] returns a RegistrationResponseJSON. at is where the user wants to store it.
//
// It calls the browser before it returns, because browsers may require the call to happen in
// the handler of a click. If another request is in progress, it calls the browser once that
// has ended.
func Create(options []byte, mediation Mediation, at Hint) *Request {
	return begin("create", options, mediation, at)
}

// Get asks for the use of a passkey. options are a PublicKeyCredentialRequestOptionsJSON, and
// [Request.Wait] returns an AuthenticationResponseJSON. It calls the browser at the same time
// as [Create] does.
func Get(options []byte, mediation Mediation) *Request {
	return begin("get", options, mediation, Anywhere)
}

func begin(method string, options []byte, mediation Mediation, at Hint) *Request {
	r := &Request{done: make(chan struct{}), abort: js.Undefined()}
	key, err := publicKey(options)
	if err != nil {
		r.end(nil, &Error{"DataError", err.Error()})
		return r
	}
	hint(key, at)
	r.call = func(signal js.Value) js.Value {
		// The objects are created only now: they must belong to a page that still exists.
		in := map[string]any{"publicKey": value(key)}
		switch mediation {
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
	if mediation != Immediate { // browsers refuse a signal with it
		r.abort = js.Global().Get("AbortController").New()
	}

	before := current
	if before == nil {
		r.start()
		return r
	}
	if waiting := before.next; waiting != nil {
		waiting.aborted = true
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
	settle(r.call(signal), func(value js.Value, err error) {
		if err != nil {
			r.end(nil, err)
			return
		}
		r.end(read(value))
	})
}

// end records the result and lets the next request begin. Further calls do nothing.
func (r *Request) end(answer []byte, err error) {
	select {
	case <-r.done:
		return
	default:
	}
	if r.aborted {
		answer, err = nil, ErrAborted // even if the response was on its way
	}
	r.answer, r.err = answer, err
	close(r.done)
	if current != r {
		return
	}
	current = nil
	if next := r.next; next != nil && !next.aborted {
		next.start()
	}
}

// Abort cancels the request. It does nothing if the request has ended.
func (r *Request) Abort() {
	if r == nil || r.aborted {
		return
	}
	r.aborted = true
	if current != r { // it has not begun, or has ended
		r.end(nil, ErrAborted)
		return
	}
	if r.abort.Truthy() {
		r.abort.Call("abort")
	}
	// Some extensions ignore the signal. The next request must not wait for them.
	go func() {
		time.Sleep(time.Second)
		r.end(nil, ErrAborted)
	}()
}

// Wait waits for the response. It must not be called on the UI goroutine, because it waits
// for the user. Its error is always an [*Error].
func (r *Request) Wait() ([]byte, error) {
	<-r.done
	return r.answer, r.err
}

// settle calls then with the result of a promise.
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
		if thrown := recover(); thrown != nil { // not a promise
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

// exception converts a thrown value to an [Error].
func exception(thrown any) *Error {
	e, ok := thrown.(js.Error)
	if !ok {
		return &Error{"TypeError", fmt.Sprint(thrown)} // syscall/js itself panicked
	}
	return &Error{text(e.Value, "name"), text(e.Value, "message")}
}

// text returns a member that is a string, or "".
func text(object js.Value, member string) string {
	if object.Type() != js.TypeObject && object.Type() != js.TypeFunction {
		return ""
	}
	if v := object.Get(member); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// value converts the result of [publicKey] to a JavaScript object.
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

// read returns the browser's credential as JSON.
func read(from js.Value) (answer []byte, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = exception(thrown)
		}
	}()
	if from.Type() != js.TypeObject {
		return nil, ErrNotAllowed // null: the user chose none
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
		c.Response.AuthenticatorData = "" // part of the attestation object
		c.Response.Transports = transports(response)
		c.Extensions = results(from)
	}
	return json.Marshal(c)
}

// binary returns a member that is bytes as base64url, or "" if it is not bytes.
func binary(object js.Value, member string) string {
	v := object.Get(member)
	if v.Type() != js.TypeObject {
		return ""
	}
	array := js.Global().Get("Uint8Array")
	if buffer := v.Get("buffer"); buffer.Truthy() { // a view of a buffer
		array = array.New(buffer, v.Get("byteOffset"), v.Get("byteLength"))
	} else {
		array = array.New(v)
	}
	b := make([]byte, array.Get("length").Int())
	js.CopyBytesToGo(b, array)
	return base64.RawURLEncoding.EncodeToString(b)
}

// transports returns the passkey's transports, or nil if the browser does not report them.
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

// results returns the results of the requested extensions, if the browser reports them.
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

// SignalAccepted tells authenticators which passkeys the account has, so that they offer no
// others. accepted is the argument of signalAllAcceptedCredentials.
func SignalAccepted(accepted any) { signal("signalAllAcceptedCredentials", accepted) }

// SignalDetails tells authenticators the current names of an account.
func SignalDetails(rpID, userID, name, displayName string) {
	signal("signalCurrentUserDetails", map[string]string{
		"rpId": rpID, "userId": userID, "name": name, "displayName": displayName,
	})
}

// SignalUnknown tells authenticators that the server does not know a passkey. They may delete
// it permanently.
func SignalUnknown(rpID, id string) {
	signal("signalUnknownCredential", map[string]string{"rpId": rpID, "credentialId": id})
}

// signal calls a static method of PublicKeyCredential, if the browser has it. It ignores
// failures: browsers do not report whether a signal had an effect.
func signal(method string, argument any) {
	defer func() { recover() }()
	b, err := json.Marshal(argument)
	if c := class(); err == nil && c.Truthy() && c.Get(method).Type() == js.TypeFunction {
		settle(c.Call(method, js.Global().Get("JSON").Call("parse", string(b))), func(js.Value, error) {})
	}
}
