package main_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"latchkey/backend/testkit"
)

// TestDocumentedProxies tests that the proxies work as the documentation configures them:
// with a client that is at another address than the proxy, and lies about its own.
func TestDocumentedProxies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *proxy){
		"nginx":   testNginx,
		"Caddy":   testCaddy,
		"HAProxy": testHAProxy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t)
			server := testkit.Start(t, "-origin", "https://"+p.host, "-trusted-proxies", "127.0.0.1")
			p.upstream = strings.Replace(strings.TrimPrefix(server.Origin, "http://"), "localhost", "127.0.0.1", 1)
			p.log = server.Output.String
			test(t, p)
			p.check(t)
		})
	}
}

// A proxy is one that runs in front of a server.
type proxy struct {
	host        string
	upstream    string        // host and port of the server
	log         func() string // of the server
	dir         string        // for files
	env         []string
	http, https string // ports
	roots       *x509.CertPool
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{host: "accounts.example.com", dir: t.TempDir(), http: port(t), https: port(t)}
	p.certify(t)
	return p
}

func testNginx(t *testing.T, p *proxy) {
	config := p.replace(testkit.Fence(t, operations, "nginx", "worker_processes"),
		"listen 80;", "listen 127.0.0.1:"+p.http+";",
		"listen [::]:80;", "",
		"listen 443 ssl", "listen 127.0.0.1:"+p.https+" ssl",
		"listen [::]:443 ssl http2;", "",
		"http {",
		"http { client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;",
		"/var/log/nginx/access.log", filepath.Join(p.dir, "access.log"),
		"/etc/ssl/accounts.example.com.pem", p.path("certificate.pem"),
		"/etc/ssl/accounts.example.com.key", p.path("key.pem"),
		"127.0.0.1:8080", p.upstream)
	p.write(t, "nginx.conf", config)
	os.Chmod(p.dir, 0o755) // root's nginx answers requests as another user
	p.run(t, "nginx", "-p", p.dir, "-c", p.path("nginx.conf"), "-e", "stderr", "-g", "daemon off; pid "+p.path("pid")+";")
}

func testCaddy(t *testing.T, p *proxy) {
	config := p.replace(testkit.Fence(t, operations, "caddyfile", "reverse_proxy"), "127.0.0.1:8080", p.upstream)
	p.runCaddy(t, config, "accounts.example.com {")
}

// runCaddy starts Caddy with a configuration for one site. The site begins with a line.
func (p *proxy) runCaddy(t *testing.T, config, site string) {
	t.Helper()
	config = p.replace(config, site, site+"\n\tbind 127.0.0.1\n\ttls "+p.path("certificate.pem")+" "+p.path("key.pem"))
	p.write(t, "Caddyfile", "{\n\tadmin off\n\thttp_port "+p.http+"\n\thttps_port "+p.https+"\n}\n"+config)
	p.run(t, "caddy", "run", "--adapter", "caddyfile", "--config", p.path("Caddyfile"))
}

func testHAProxy(t *testing.T, p *proxy) {
	config := p.replace(testkit.Fence(t, operations, "haproxy", "frontend"),
		"bind :80", "bind 127.0.0.1:"+p.http,
		"bind :443", "bind 127.0.0.1:"+p.https,
		"/etc/haproxy/accounts.example.com.pem", p.path("both.pem"),
		"10.0.0.11:8080", p.upstream,
		"10.0.0.12:8080", p.upstream)
	p.write(t, "haproxy.cfg", config)
	p.run(t, "haproxy", "-db", "-f", p.path("haproxy.cfg"))
}

// check signs a user up through the proxy.
func (p *proxy) check(t *testing.T) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	// The client has another address of the loopback interface than the proxy.
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	client := &http.Client{
		Jar: jar,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: p.roots},
			ForceAttemptHTTP2: true,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				port := map[string]string{"80": p.http, "443": p.https}[address[strings.LastIndex(address, ":")+1:]]
				return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	call := func(method, address, body string) (*http.Response, string) {
		t.Helper()
		request, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", "203.0.113.9") // a lie
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Origin", "https://"+p.host)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(content)
	}
	home := "https://" + p.host

	status := func(address string) int {
		response, err := client.Get(address)
		if err != nil {
			return 0
		}
		response.Body.Close()
		return response.StatusCode
	}
	testkit.Eventually(t, "the proxy passes requests on, and listens at both ports", func() bool {
		return status(home+"/healthz") == http.StatusOK && status("http://"+p.host+"/healthz") != 0
	})
	if response, _ := call("GET", "http://"+p.host+"/sign-in", ""); response.Header.Get("Location") != home+"/sign-in" {
		t.Errorf("without TLS: %d to %q; want a redirect to the origin", response.StatusCode, response.Header.Get("Location"))
	}
	response, body := call("POST", home+"/api/auth/sign-up/email", `{"name":"Ann","email":"ann@example.test","password":"a long enough one"}`)
	if response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Set-Cookie"), "__Host-") || response.ProtoMajor != 2 {
		t.Fatalf("signing up: %s %d %s %v; want HTTP/2 and a cookie of the host", response.Proto, response.StatusCode, body, response.Header)
	}
	if _, body = call("GET", home+"/api/auth/get-session", ""); !strings.Contains(body, `"ipAddress":"127.0.0.2"`) {
		t.Errorf("the session: %s; want the address of the client", body)
	}
	if strings.Contains(p.log(), "looks like a proxy") {
		t.Errorf("the server does not know its proxy:\n%s", p.log())
	}
}

// replace replaces parts of a configuration, each of which must be there.
func (p *proxy) replace(config string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(config, pairs[i]) {
			panic("the configuration has no " + pairs[i])
		}
		config = strings.ReplaceAll(config, pairs[i], pairs[i+1])
	}
	return config
}

func (p *proxy) path(name string) string { return filepath.Join(p.dir, name) }

func (p *proxy) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(p.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run starts the proxy, and ends it with the test.
func (p *proxy) run(t *testing.T, name string, args ...string) {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/" + name); err != nil {
			testkit.Need(t, name)
		}
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), p.env...), "HOME="+p.dir, "XDG_DATA_HOME="+p.dir, "XDG_CONFIG_HOME="+p.dir)
	var output testkit.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, output.String())
		}
	})
}

// certify makes a certificate for the host, signed by itself.
func (p *proxy) certify(t *testing.T) {
	t.Helper()
	testkit.Certify(t, p.path("certificate.pem"), p.path("key.pem"), p.host)
	c, err := os.ReadFile(p.path("certificate.pem"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := os.ReadFile(p.path("key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "both.pem", string(bytes.Join([][]byte{c, k}, nil)))
	p.roots = x509.NewCertPool()
	p.roots.AppendCertsFromPEM(c)
}

// port returns a free port of the loopback interface.
func port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(testkit.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
