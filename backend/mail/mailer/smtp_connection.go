package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"latchkey/backend/mail/smtpurl"
)

const (
	// maxIdle is how many unused connections stay open: as many as an outbox uses at once.
	maxIdle = 4
	// idleTimeout is how long an unused connection stays open. Email servers allow minutes,
	// but only seconds under load.
	idleTimeout = 20 * time.Second
	// goodbye limits the polite end of a connection.
	goodbye = time.Second
)

// A connection is one to an email server.
type connection struct {
	client *smtp.Client
	conn   *limitedConn // below TLS
	expiry *time.Timer
}

// maxReply is how much a server may send in one step, in bytes: more than the certificates and
// the replies of any.
const maxReply = 256 << 10

// errFlood means that a server has sent more than maxReply.
var errFlood = errors.New("the server sends too much")

// A limitedConn is a connection that reads a limited number of bytes in each step. A reply has no
// maximum length, so a server could fill the memory with one.
type limitedConn struct {
	net.Conn
	left atomic.Int64
}

func (c *limitedConn) Read(b []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		return 0, errFlood
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), left)])
	c.left.Add(-int64(n))
	return n, err
}

// connections are the unused connections to the current email server.
type connections struct {
	mu   sync.Mutex
	url  string // of the server
	idle []*connection
}

// take returns an unused connection that still works, or else a new one.
func (cs *connections) take(ctx context.Context, url string, server smtpurl.Server, hello string) (*connection, error) {
	for {
		c := cs.pop(url)
		if c == nil {
			return dial(ctx, server, hello)
		}
		// This also ends what a failed email has left open.
		if err := c.within(ctx, smtpStep, c.client.Reset); err == nil {
			return c, nil
		}
		c.conn.Close()
	}
}

// pop removes and returns an unused connection to the server at url, or nil if there is none.
// It closes those to another server.
func (cs *connections) pop(url string) *connection {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.url != url {
		for _, c := range cs.idle {
			c.expiry.Stop()
			go c.quit()
		}
		cs.url, cs.idle = url, nil
	}
	if len(cs.idle) == 0 {
		return nil
	}
	last := len(cs.idle) - 1
	c := cs.idle[last]
	cs.idle = cs.idle[:last]
	c.expiry.Stop()
	return c
}

// put keeps a connection for the next email, or closes it: err is the result of the last
// email on it. After an answer of the server the connection is in a known state, and after
// any other error it is not.
func (cs *connections) put(url string, c *connection, err error) {
	if reply, ok := errors.AsType[*textproto.Error](err); err != nil && (!ok || reply.Code == serviceClosing) {
		c.conn.Close()
		return
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.url != url || len(cs.idle) == maxIdle {
		go c.quit()
		return
	}
	c.expiry = time.AfterFunc(idleTimeout, func() {
		if cs.remove(c) {
			c.quit()
		}
	})
	cs.idle = append(cs.idle, c)
}

// serviceClosing is the reply with which a server ends a connection (RFC 5321, section 3.8).
const serviceClosing = 421

// remove removes an unused connection, and reports whether it was there.
func (cs *connections) remove(c *connection) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	i := slices.Index(cs.idle, c)
	if i >= 0 {
		cs.idle = slices.Delete(cs.idle, i, i+1)
	}
	return i >= 0
}

// quit ends a connection.
func (c *connection) quit() {
	c.conn.SetDeadline(time.Now().Add(goodbye))
	c.client.Quit() //nolint:errcheck // the connection is no longer of use
	c.conn.Close()
}

// within calls do, and ends it when ctx is done or after the limit.
func (c *connection) within(ctx context.Context, limit time.Duration, do func() error) error {
	if err := c.conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	c.conn.left.Store(maxReply)
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return do()
}

// dial connects to an email server, encrypts the connection and authenticates. hello is the
// name of this host.
func dial(ctx context.Context, server smtpurl.Server, hello string) (*connection, error) {
	dialer := net.Dialer{Timeout: smtpStep}
	if server.TLS == smtpurl.None {
		dialer.Control = requirePrivate
	}
	conn, err := dialer.DialContext(ctx, "tcp", server.Address())
	if err != nil {
		return nil, err
	}
	c := &connection{conn: &limitedConn{Conn: conn}}
	if err := c.greet(ctx, server, hello); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// errNotPrivate means that a connection in clear would leave the private network.
var errNotPrivate = errors.New("the address is not private")

// requirePrivate refuses a connection in clear to an address that is not in a private
// network. It sees the address that the name of the server stands for at this moment.
func requirePrivate(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if ip := to.Addr().Unmap(); err != nil || !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast() {
		return errNotPrivate
	}
	return nil
}

// greet prepares a new connection for emails.
func (c *connection) greet(ctx context.Context, server smtpurl.Server, hello string) error {
	config := &tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12}
	for _, step := range []func() error{
		func() (err error) {
			var conn net.Conn = c.conn
			if server.TLS == smtpurl.Implicit {
				conn = tls.Client(c.conn, config)
			}
			c.client, err = smtp.NewClient(conn, server.Host)
			return err
		},
		func() error {
			// With this, servers would refuse to forward an email to those that lack the
			// extension. All addresses are in ASCII.
			c.client.SkipSMTPUTF8(true)
			return c.client.Hello(hello)
		},
		func() error {
			if server.TLS != smtpurl.StartTLS {
				return nil
			}
			if ok, _ := c.client.Extension("STARTTLS"); !ok {
				return errNoTLS
			}
			return c.client.StartTLS(config)
		},
		func() error { return c.authenticate(server) },
	} {
		if err := c.within(ctx, smtpStep, step); err != nil {
			return err
		}
	}
	return nil
}

var (
	errNoTLS  = errors.New("the server does not offer STARTTLS")
	errNoAuth = errors.New("the server does not offer a known kind of authentication")
)

// authenticate signs in to the email server, if it has an account for Latchkey. The URL of
// the server decides whether the connection is encrypted, so this function does not.
func (c *connection) authenticate(server smtpurl.Server) error {
	if server.User == "" {
		return nil
	}
	_, list := c.client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(list))
	for _, known := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(server.User, server.Password)},
		{"PLAIN", smtp.PlainAuth("", server.User, server.Password, server.Host, true)},
		{"LOGIN", smtp.LoginAuth(server.User, server.Password, server.Host, true)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(server.User, server.Password)},
	} {
		if slices.Contains(offered, known.name) {
			return c.client.Auth(known.auth)
		}
	}
	return errNoAuth
}

// An unansweredError means that the server has an email and has not answered.
type unansweredError struct{ error }

// Unwrap returns the cause.
func (e unansweredError) Unwrap() error { return e.error }

// transmit sends one email. It returns the answer of the server that has accepted it, or the
// [textproto.Error] of the one that has not.
func (c *connection) transmit(ctx context.Context, from, to string, content []byte) (answer string, err error) {
	data := new(smtp.DataCloser)
	for _, step := range []func() error{
		func() error { return c.client.Mail("<" + from + ">") },
		func() error { return c.client.Rcpt("<" + to + ">") },
		func() error {
			w, err := c.client.Data()
			if err == nil {
				data = w.(*smtp.DataCloser)
			}
			return err
		},
		func() error {
			_, err := data.Write(content)
			return err
		},
	} {
		if err := c.within(ctx, smtpStep, step); err != nil {
			return "", err
		}
	}
	// The email is whole with the dot that Close writes, and accepted with the answer.
	if err := c.within(ctx, smtpTimeout, data.Close); err != nil {
		return "", unansweredError{err}
	}
	return data.ServerResponse(), nil
}
