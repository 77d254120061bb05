// Latchkey is self-hosted account security: one program that serves a JSON API with Better
// Auth's wire protocol, and an installable app.
//
// This package wires the others together and holds no rules: it reads the configuration,
// opens the database, and runs a command or the server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	syscall.Umask(0o077) // what is written, such as SQLite's files, is its owner's alone
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	command, c, err := parse(args, getenv, out)
	if err != nil {
		return err
	}
	if c.version {
		return printVersion(out)
	}
	return commands[command].run(ctx, c, out)
}
