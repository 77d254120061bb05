// Dev runs Latchkey for a developer: it builds the program, runs it behind a proxy, and
// watches the sources. A change of the stylesheet shows at once. A change of the app reloads
// open pages with the new app, and any other change restarts the server, too.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "the `address` of the proxy, which browsers open")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends. It passes args to the server.
func run(ctx context.Context, listen string, args []string) error {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	s := &server{address: address, args: append([]string{
		"-listen", address, "-origin", "http://localhost:" + port, "-trusted-proxies", "127.0.0.1",
	}, args...)}
	p := newProxy(&url.URL{Scheme: "http", Host: address}, "web")
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second}
	defer srv.Close()
	go srv.Serve(listener) // until it is closed
	defer s.stop()         // once nothing rebuilds and restarts it
	watch(ctx, ".", func(c change) { rebuild(ctx, c, s, p) })
	return nil
}

// rebuild builds what a change concerns, and then tells the open pages.
func rebuild(ctx context.Context, c change, s *server, p *proxy) {
	began := time.Now()
	switch c {
	case styleChanged:
		p.send("style")
		return
	case appChanged:
		if !build(ctx, "web/app.wasm") {
			return
		}
	case serverChanged:
		if !build(ctx, "bin/latchkey") {
			return
		}
		s.stop()
		if err := s.start(ctx); err != nil {
			log.Print(err)
			return
		}
	}
	log.Printf("ready after %v", time.Since(began).Round(100*time.Millisecond))
	p.send("reload")
}

// build makes a target of the Makefile, and reports whether it could.
func build(ctx context.Context, target string) bool {
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", target)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run() == nil
}

// A server is the program while it runs.
type server struct {
	address string
	args    []string
	process *exec.Cmd
}

// start starts the program, and waits until it is ready.
func (s *server) start(ctx context.Context) error {
	s.process = exec.Command("bin/latchkey", s.args...)
	s.process.Stdout, s.process.Stderr = os.Stdout, os.Stderr
	if err := s.process.Start(); err != nil {
		s.process = nil
		return err
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + s.address + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("the server at %s is not ready", s.address)
}

// stop ends the program. It does not let requests finish: their pages reload anyway.
func (s *server) stop() {
	if s.process != nil {
		s.process.Process.Kill()
		s.process.Wait()
		s.process = nil
	}
}

// freeAddress returns a free address of the loopback interface.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
