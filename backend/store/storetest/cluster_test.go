package storetest

import (
	"bufio"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv("LATCHKEY_TEST_ABANDON") != "" {
		abandon()
	}
	Main(m)
}

// abandon starts a cluster, prints its folder and URL, and never stops it.
func abandon() {
	c, err := StartCluster()
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(c.dir + " " + c.URL() + "\n")
	select {}
}

func TestClusterStopStart(t *testing.T) {
	c := Shared(t)
	first, err := c.NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := c.exec("SELECT 1"); err == nil {
		t.Error("a stopped cluster answers")
	}
	u, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	// Another process uses the port for a moment.
	other, err := net.Listen("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { other.Close() })
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	second, err := c.NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Errorf("NewDatabase gave %s twice", first)
	}
	// Stopping kept the data.
	if err := c.exec("DROP DATABASE " + strings.Trim(u.Path, "/")); err != nil {
		t.Error(err)
	}
}

func TestClusterStopsWithItsProcess(t *testing.T) {
	Shared(t) // skips or fails if there is no Postgres

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LATCHKEY_TEST_ABANDON=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir, address, _ := strings.Cut(strings.TrimSpace(line), " ")
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()

	deadline := time.After(time.Minute)
	for {
		_, statErr := os.Stat(dir)
		conn, dialErr := net.Dial("tcp", u.Host)
		if errors.Is(statErr, os.ErrNotExist) && dialErr != nil {
			return
		}
		if dialErr == nil {
			conn.Close()
		}
		select {
		case <-deadline:
			t.Fatalf("a minute after its process was killed: folder %v, connection %v", statErr, dialErr)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
