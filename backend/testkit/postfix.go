package testkit

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The account at a [Postfix].
const (
	PostfixUser     = "latchkey@mail.example.test"
	PostfixPassword = "p@ss/w:rd 9Kq7" // it needs percent-encoding
)

// A Postfix is a temporary email server on free ports of the loopback interface, with its
// files in a temporary folder. It delivers each email that it accepts to a folder.
type Postfix struct {
	StartTLS string // the address where it offers STARTTLS, and authentication after that
	TLS      string // the address where it begins with TLS
	Clear    string // the address where it offers no TLS; its log lines begin with "clear"
	CA       string // the file with its certificate, which is valid for localhost

	t      testing.TB
	dir    string
	output Buffer
	master *os.Process
	exited chan struct{} // closed when master has exited
	leash  io.Closer

	mu     sync.Mutex
	policy func(Envelope) string
}

// An Envelope is what a server asks its policy about.
type Envelope struct {
	State     string // "RCPT", or "END-OF-MESSAGE" when the server has the whole email
	Recipient string
	User      string // that has authenticated
}

// StartPostfix starts a Postfix, and ends it with the test. It needs Postfix: see [Need]. It
// skips the test if this process is not root.
func StartPostfix(t testing.TB) *Postfix {
	t.Helper()
	if _, err := os.Stat("/usr/lib/postfix/sbin/master"); err != nil {
		Need(t, "Postfix is not installed: apt-get install postfix")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can start Postfix") // nothing that could be installed changes that
	}
	// Not t.TempDir, which only this user can enter.
	dir, err := os.MkdirTemp("", "latchkey-postfix-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &Postfix{t: t, dir: dir}
	p.watch()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("Postfix logged:\n%s", p.Log())
		}
		p.leash.Close() // the watcher deletes the folder
	})
	p.CA = p.path("certificate.pem")
	Certify(t, p.CA, p.path("key.pem"), "localhost")
	p.folders()
	p.StartTLS, p.TLS, p.Clear = FreeAddress(t), FreeAddress(t), FreeAddress(t)
	p.write("main.cf", p.mainConfig())
	p.write("master.cf", fmt.Sprintf(postfixServices, p.StartTLS, p.TLS, p.Clear))
	p.Start()
	return p
}

const postfixServices = `
%s       inet       n - n - -   smtpd -o smtpd_tls_security_level=may -o smtpd_tls_auth_only=yes
%s       inet       n - n - -   smtpd -o smtpd_tls_wrappermode=yes
%s       inet       n - n - -   smtpd -o syslog_name=clear
cleanup  unix       n - n - 0   cleanup
qmgr     unix       n - n 300 1 qmgr
rewrite  unix       - - n - -   trivial-rewrite
bounce   unix       - - n - 0   bounce
defer    unix       - - n - 0   bounce
trace    unix       - - n - 0   bounce
proxymap unix       - - n - -   proxymap
error    unix       - - n - -   error
retry    unix       - - n - -   error
virtual  unix       - n n - -   virtual
anvil    unix       - - n - 1   anvil
tlsmgr   unix       - - n 1000? 1 tlsmgr
postlog  unix-dgram n - n - 1   postlogd
`

// mainConfig returns the configuration of a server that delivers every email to one folder,
// and asks this process whether to accept it.
func (p *Postfix) mainConfig() string {
	uid, gid := owner(p.t, "nobody")
	return fmt.Sprintf(`
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = mail.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = %[1]s/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:%[2]d
virtual_gid_maps = static:%[3]d
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = check_policy_service inet:%[4]s
smtpd_end_of_data_restrictions = check_policy_service inet:%[4]s
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:%[5]s
smtpd_tls_cert_file = %[1]s/certificate.pem
smtpd_tls_key_file = %[1]s/key.pem
`, p.dir, uid, gid, p.serve(p.answerPolicy), p.serve(answerPassword))
}

// folders makes the folders that Postfix expects, with their owners.
func (p *Postfix) folders() {
	p.t.Helper()
	make := func(name string, mode os.FileMode, uid, gid int) {
		path := p.path(name)
		err := os.MkdirAll(path, mode)
		if err == nil {
			err = os.Chmod(path, mode)
		}
		if err == nil {
			err = os.Chown(path, uid, gid)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	postfix, _ := owner(p.t, "postfix")
	nobody, nogroup := owner(p.t, "nobody")
	drop, err := user.LookupGroup("postdrop")
	if err != nil {
		p.t.Fatal(err)
	}
	postdrop, _ := strconv.Atoi(drop.Gid)
	make("queue", 0o755, 0, 0)
	make("queue/pid", 0o755, 0, 0)
	make("mail", 0o755, nobody, nogroup)
	make("data", 0o700, postfix, -1)
	make("queue/maildrop", 0o730, postfix, postdrop)
	make("queue/public", 0o710, postfix, postdrop)
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming private saved trace") {
		make("queue/"+name, 0o700, postfix, -1)
	}
}

// owner returns the IDs of a user.
func owner(t testing.TB, name string) (uid, gid int) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}

func (p *Postfix) path(name string) string { return filepath.Join(p.dir, name) }

func (p *Postfix) write(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// watch starts a shell that ends the server and deletes its folder when this process ends for
// any reason, or when the leash is closed.
func (p *Postfix) watch() {
	p.t.Helper()
	const script = `
		trap '' HUP INT QUIT TERM
		cat
		pid=$(cat "$0/group" 2>/dev/null) && kill -KILL -- "-$pid" 2>/dev/null
		rm -rf "$0"`
	watcher := exec.Command("sh", "-c", script, p.dir)
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := watcher.StdinPipe()
	if err == nil {
		err = watcher.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	go watcher.Wait()
	p.leash = leash
}

// Start starts the server, or restarts it at its addresses and with its emails, and waits
// until it answers.
func (p *Postfix) Start() {
	p.t.Helper()
	p.launch()
	for _, address := range []string{p.StartTLS, p.TLS, p.Clear} {
		Eventually(p.t, "Postfix listens", func() bool {
			select {
			case <-p.exited: // another process uses an address for a moment
				p.launch()
			default:
			}
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return false
			}
			defer conn.Close()
			if address == p.TLS {
				return true
			}
			greeting, _ := bufio.NewReader(conn).ReadString('\n')
			return strings.HasPrefix(greeting, "220 ")
		}, p.output.String, p.Log)
	}
}

// launch starts the server's main process.
func (p *Postfix) launch() {
	p.t.Helper()
	// -d: it stays a child of this process.
	master := exec.Command("/usr/lib/postfix/sbin/master", "-c", p.dir, "-d")
	master.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	master.Stdout, master.Stderr = &p.output, &p.output
	if err := master.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.write("group", strconv.Itoa(master.Process.Pid))
	exited := make(chan struct{})
	p.master, p.exited = master.Process, exited
	go func() {
		master.Wait()
		close(exited)
	}()
}

// Kill kills all processes of the server, and waits until nothing listens at its addresses.
func (p *Postfix) Kill() {
	p.t.Helper()
	if p.master == nil {
		return
	}
	syscall.Kill(-p.master.Pid, syscall.SIGKILL)
	<-p.exited
	p.master = nil
	for _, address := range []string{p.StartTLS, p.TLS, p.Clear} {
		// The other processes listen, too, until the last of them has exited.
		Eventually(p.t, "nothing listens at "+address, func() bool {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
	}
}

// AwaitIdle waits until the server has delivered all emails that it has accepted, and has
// recorded that. After [Postfix.Kill] and [Postfix.Start], it would deliver the others again.
func (p *Postfix) AwaitIdle() {
	p.t.Helper()
	Eventually(p.t, "the queue of Postfix is empty", func() bool {
		for _, files := range []string{"incoming/*", "active/*", "deferred/*/*"} { // in the order of an email's way
			if found, _ := filepath.Glob(p.path("queue/" + files)); len(found) > 0 {
				return false
			}
		}
		return true
	}, p.Log)
}

// SetPolicy makes the server do what the function returns, an action as in Postfix's
// access(5): for each recipient, and again when it has the whole email.
func (p *Postfix) SetPolicy(policy func(Envelope) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.policy = policy
}

// Inbox returns the emails that the server has delivered to the address. Their headers begin
// with those of the server.
func (p *Postfix) Inbox(to string) (all []*mail.Message) {
	p.t.Helper()
	files, _ := filepath.Glob(p.path("mail/inbox/new/*"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			p.t.Fatal(err)
		}
		m, err := mail.ReadMessage(strings.NewReader(string(content)))
		if err != nil {
			p.t.Fatal(err)
		}
		if m.Header.Get("X-Original-To") == to {
			all = append(all, m)
		}
	}
	return all
}

// Log returns the server's log so far.
func (p *Postfix) Log() string {
	log, _ := os.ReadFile(p.path("log"))
	return string(log)
}

// serve answers the connections of the server until the end of the test. It returns the
// address where it listens.
func (p *Postfix) serve(answer func(net.Conn)) (address string) {
	p.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// answerPolicy speaks Postfix's protocol for policy servers (SMTPD_POLICY_README).
func (p *Postfix) answerPolicy(conn net.Conn) {
	var e Envelope
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch name {
		case "protocol_state":
			e.State = value
		case "recipient":
			e.Recipient = value
		case "sasl_username":
			e.User = value
		case "": // the request is complete
			p.mu.Lock()
			policy := p.policy
			p.mu.Unlock()
			action := ""
			if policy != nil {
				action = policy(e)
			}
			if action == "" {
				action = "DUNNO"
			}
			fmt.Fprintf(conn, "action=%s\n\n", action)
			e = Envelope{}
		}
	}
}

// answerPassword checks passwords for Postfix, in the protocol of Dovecot's auth clients.
func answerPassword(conn net.Conn) {
	fmt.Fprint(conn, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")
	right := base64.StdEncoding.EncodeToString([]byte("\x00" + PostfixUser + "\x00" + PostfixPassword))
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if fields[0] != "AUTH" || len(fields) < 3 {
			continue
		}
		answer := "FAIL"
		if fields[len(fields)-1] == "resp="+right {
			answer = "OK"
		}
		fmt.Fprintf(conn, "%s\t%s\tuser=%s\n", answer, fields[1], PostfixUser)
	}
}
