package storetest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ErrNoPooler means that PgBouncer is not installed.
var ErrNoPooler = errors.New("no PgBouncer is installed: apt-get install pgbouncer")

// poolerSettings make PgBouncer assign successive transactions of a client to different
// sessions of Postgres, as far as possible. There are fewer sessions than one program has
// connections, and PgBouncer reuses the session that was idle for longest.
const poolerSettings = `[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = users
pidfile = pgbouncer.pid
pool_mode = transaction
default_pool_size = 4
server_round_robin = 1
server_idle_timeout = 2
max_client_conn = 1000
`

// Pooled returns the URL of a database of the cluster behind PgBouncer in transaction mode.
// PgBouncer starts at the first call and stops with the cluster. Pooled fails with
// [ErrNoPooler].
func (c *Cluster) Pooled(database string) (string, error) {
	c.pooler.Do(func() { c.poolerErr = c.startPooler() })
	if c.poolerErr != nil {
		return "", c.poolerErr
	}
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	u.Host = "127.0.0.1:" + strconv.Itoa(c.poolerPort)
	return u.String(), nil
}

func (c *Cluster) startPooler() error {
	path, err := findPooler()
	if err != nil {
		return err
	}
	// Another process can take the free port before PgBouncer does.
	for try := 1; ; try++ {
		port, release, err := ReservePort()
		if err != nil {
			return err
		}
		c.poolerPort = port
		stop, err := c.tryPooler(path)
		if err == nil {
			c.stopPooler = func() {
				stop()
				release()
			}
			return nil
		}
		release()
		if try == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

func (c *Cluster) tryPooler(path string) (stop func(), err error) {
	for name, text := range map[string]string{
		"pgbouncer.ini": fmt.Sprintf(poolerSettings, c.port, c.poolerPort),
		"users":         `"postgres" ""` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	pooler := c.command(path, "pgbouncer.ini")
	pooler.SysProcAttr.Setpgid = true
	log, err := os.Create(filepath.Join(c.dir, "pgbouncer.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	pooler.Stdout, pooler.Stderr = log, log
	if err := pooler.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() {
		pooler.Wait()
		close(exited)
	}()
	at := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.poolerPort)
	patience := time.After(time.Minute)
	for err = execAt(at, "SELECT 1"); err != nil; err = execAt(at, "SELECT 1") {
		select {
		case <-exited:
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("pgbouncer exited at startup:\n%s", said)
		case <-patience:
			pooler.Process.Kill()
			<-exited
			return nil, fmt.Errorf("pgbouncer does not respond: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return func() {
		pooler.Process.Kill() // it has no data to save
		<-exited
	}, nil
}

// findPooler returns the path of PgBouncer. On Debian, it is not in the PATH of users.
func findPooler() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", ErrNoPooler
}

// Pooled returns the URL of a database of the shared cluster behind PgBouncer in
// transaction mode. If PgBouncer is not installed, Pooled skips the test, or fails it if CI
// is set.
func Pooled(tb testing.TB, database string) string {
	tb.Helper()
	u, err := Shared(tb).Pooled(database)
	switch {
	case errors.Is(err, ErrNoPooler) && os.Getenv("CI") == "":
		tb.Skip(err)
	case err != nil:
		tb.Fatal(err)
	}
	return u
}
