package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
)

// ErrNoPostgres means that no Postgres server is installed.
var ErrNoPostgres = errors.New("no PostgreSQL server is installed: apt-get install postgresql")

// A Cluster is a temporary Postgres server on a free port of the loopback interface, with
// its data in a temporary folder. Both are removed when the cluster is closed, or when this
// process ends for any reason.
type Cluster struct {
	bin      string // the folder of initdb and postgres
	dir      string // contains data/ and log
	port     int
	release  func() // of the port; nil if there is none
	settings []string
	owner    *syscall.Credential // the user that runs the server; nil for the current user

	mu     sync.Mutex
	server *exec.Cmd     // nil while stopped
	exited chan struct{} // closed when the server has exited

	migrate    sync.Once // creates the database that others are copied from
	migrateErr error

	pooler     sync.Once
	poolerErr  error
	poolerPort int
	stopPooler func() // and releases its port; nil if it was not started

	watcher *exec.Cmd
	leash   io.Closer // closing it tells the watcher to clean up
}

// StartCluster creates a cluster and waits until it responds. Each setting is one of
// postgresql.conf, such as "fsync=on", and overrides the defaults of this package, which
// are chosen for speed. It fails with [ErrNoPostgres].
func StartCluster(settings ...string) (*Cluster, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "latchkey-postgres-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, dir: dir, settings: settings}
	if err := c.create(); err != nil {
		c.Close()
		return nil, fmt.Errorf("starting a Postgres for tests: %w", err)
	}
	return c, nil
}

func (c *Cluster) create() error {
	// Postgres refuses to run as root.
	if os.Geteuid() == 0 {
		uid, gid, err := unprivileged()
		if err != nil {
			return err
		}
		c.owner = &syscall.Credential{Uid: uid, Gid: gid}
		if err := os.Chown(c.dir, int(uid), int(gid)); err != nil {
			return err
		}
	}
	if err := c.watch(); err != nil {
		return err
	}

	initdb := c.command("initdb", "--pgdata=data", "--username=postgres", "--auth=trust",
		"--no-sync", "--locale=C", "--encoding=UTF8")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}

	// Another process can take the free port before the server does.
	for try := 1; ; try++ {
		port, release, err := ReservePort()
		if err != nil {
			return err
		}
		if c.release != nil {
			c.release()
		}
		c.port, c.release = port, release
		err = c.start()
		if err == nil || try == 5 || !isPortInUse(err) {
			return err
		}
	}
}

// Programs returns the folder of the programs of Postgres, such as pg_dump.
func (c *Cluster) Programs() string { return c.bin }

// URL returns the URL of the default database of the cluster.
func (c *Cluster) URL() string { return c.url("postgres") }

func (c *Cluster) url(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", c.port, database)
}

// PID returns the process ID of the running server, whose children are its backends.
func (c *Cluster) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server.Process.Pid
}

// Version returns the version of the server.
func (c *Cluster) Version() (string, error) {
	out, err := c.command("postgres", "--version").Output()
	return strings.TrimSpace(string(out)), err
}

// NewDatabase creates an empty database and returns its URL.
func (c *Cluster) NewDatabase() (url string, err error) {
	return c.newFrom("template1")
}

// newMigrated creates a database with the current schema and returns its URL.
func (c *Cluster) newMigrated() (url string, err error) {
	c.migrate.Do(func() {
		if c.migrateErr = c.exec("CREATE DATABASE migrated"); c.migrateErr == nil {
			c.migrateErr = migrate(c.url("migrated"))
		}
	})
	if c.migrateErr != nil {
		return "", c.migrateErr
	}
	return c.newFrom("migrated")
}

func (c *Cluster) newFrom(template string) (url string, err error) {
	name := "t" + strings.ToLower(rand.Text())
	for end := time.Now().Add(patience); ; {
		err = c.exec("CREATE DATABASE " + name + " TEMPLATE " + template)
		// A session of the template may not have ended yet, although its client has. Postgres
		// waits five seconds for that, which is too short on a busy machine.
		e, _ := errors.AsType[pgdriver.Error](err)
		if e.Field('C') != "55006" || time.Now().After(end) { // object_in_use
			return c.url(name), err
		}
	}
}

// Start starts the server again after [Cluster.Stop], on the same port and with the same
// data, and waits until it responds. Another process may use the port for a moment.
func (c *Cluster) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return nil
	}
	err := c.start()
	for end := time.Now().Add(patience); isPortInUse(err) && time.Now().Before(end); err = c.start() {
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// isPortInUse reports whether an error of start means that another process listens on the port.
func isPortInUse(err error) bool {
	return err != nil && strings.Contains(err.Error(), "Address already in use")
}

// start starts the server and waits until it responds. The caller holds c.mu, or nobody else
// has c yet.
func (c *Cluster) start() error {
	args := []string{"-D", "data"}
	for _, s := range append([]string{
		"port=" + strconv.Itoa(c.port),
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=", // none: the folder may be shared or missing
		"max_connections=200",
		"shared_buffers=32MB",
		"fsync=off",
		"synchronous_commit=off",
		"full_page_writes=off",
	}, c.settings...) {
		args = append(args, "-c", s)
	}
	server := c.command("postgres", args...)
	// Ctrl-C in a terminal must reach only the tests, which then stop the server.
	server.SysProcAttr.Setpgid = true
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		server.Wait()
		close(exited)
	}()
	c.server, c.exited = server, exited

	patience := time.After(time.Minute)
	for err = c.exec("SELECT 1"); err != nil; err = c.exec("SELECT 1") {
		select {
		case <-exited:
			c.server = nil
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("postgres exited at startup:\n%s", said)
		case <-patience:
			c.stop(syscall.SIGQUIT)
			return fmt.Errorf("postgres does not respond: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// Stop stops the server and closes every connection. It keeps the data.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop(syscall.SIGINT) // a fast shutdown of Postgres
}

func (c *Cluster) stop(how syscall.Signal) error {
	if c.server == nil {
		return nil
	}
	if err := c.server.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.exited
	c.server = nil
	return nil
}

// Standby restarts the server as a standby, which accepts no writes.
func (c *Cluster) Standby() error {
	if err := c.Stop(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, "data", "standby.signal"), nil, 0o644); err != nil {
		return err
	}
	return c.Start()
}

// Close stops the server and deletes its data.
func (c *Cluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopPooler != nil {
		c.stopPooler()
	}
	c.stop(syscall.SIGQUIT) // there is no data to save
	os.RemoveAll(c.dir)
	if c.watcher != nil {
		c.leash.Close()
		c.watcher.Wait()
		c.watcher = nil
	}
	if c.release != nil {
		c.release()
		c.release = nil
	}
}

// watch starts a shell that cleans up if this process ends without [Cluster.Close]. When
// the pipe from this process breaks, the shell stops the server and the pooler and deletes
// the folder. A parent-death signal is no replacement: it arrives when the starting thread
// ends, not the process, and it deletes nothing.
func (c *Cluster) watch() error {
	const script = `
		trap '' HUP INT QUIT TERM
		cat
		test -e "$0/pgbouncer.pid" && kill -KILL "$(head -n 1 "$0/pgbouncer.pid")"
		pid=$(head -n 1 "$0/data/postmaster.pid") && kill -QUIT "$pid"
		for i in $(seq 300); do # a minute at most
			test -e "$0/data/postmaster.pid" || break
			sleep 0.2
		done
		rm -rf "$0"`
	watcher := exec.Command("sh", "-c", script, c.dir)
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := watcher.StdinPipe()
	if err != nil {
		return err
	}
	if err := watcher.Start(); err != nil {
		return err
	}
	c.watcher, c.leash = watcher, leash
	return nil
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir // c.owner may lack access to the working folder of the tests
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner}
	return cmd
}

func (c *Cluster) exec(query string) error { return execAt(c.URL(), query) }

func execAt(url, query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db := openPostgres(url)
	defer db.Close()
	_, err := db.ExecContext(ctx, query)
	return err
}

// findBinaries returns the folder of the newest server. On Debian, it is not in PATH.
func findBinaries() (string, error) {
	newest, folder := -1.0, ""
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	for _, path := range found {
		dir := filepath.Dir(path)
		version, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64)
		if version > newest {
			newest, folder = version, dir
		}
	}
	if folder != "" {
		return folder, nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", ErrNoPostgres
	}
	// PATH may have a symbolic link to postgres only. initdb is next to the target.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

// unprivileged returns the user under which root runs the server.
func unprivileged() (uid, gid uint32, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return 0, 0, err
		}
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, err
	}
	group, err := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(id), uint32(group), err
}

// shared is the cluster of this test program.
var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Shared returns the shared cluster of this test program, and starts it at the first call.
// The package under test must call [Main] from TestMain. If Postgres is not installed,
// Shared skips the test, or fails it if CI is set.
func Shared(tb testing.TB) *Cluster {
	tb.Helper()
	if sqliteOnly() {
		tb.Skip("LATCHKEY_TEST_DATABASES is sqlite")
	}
	shared.once.Do(func() { shared.cluster, shared.err = StartCluster() })
	switch {
	case shared.err == nil:
	case errors.Is(shared.err, ErrNoPostgres) && os.Getenv("CI") == "":
		tb.Skip(shared.err)
	default:
		tb.Fatal(shared.err)
	}
	return shared.cluster
}

// Postgres returns the URL of an empty database in the shared cluster.
func Postgres(t *testing.T) (url string) {
	t.Helper()
	url, err := Shared(t).NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// OwnCluster starts a cluster that a test can stop, and closes it when the test ends. It
// returns the URL of an empty database in it.
func OwnCluster(t *testing.T) (c *Cluster, url string) {
	t.Helper()
	Shared(t) // or skip
	c, err := StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if url, err = c.NewDatabase(); err != nil {
		t.Fatal(err)
	}
	return c, url
}

// Main runs the tests of a package, closes the shared cluster if there is one, runs the
// cleanup functions of the package, and exits.
func Main(m *testing.M, cleanup ...func()) {
	code := m.Run()
	for _, clean := range cleanup {
		clean()
	}
	if shared.cluster != nil {
		shared.cluster.Close()
	}
	os.Exit(code)
}
