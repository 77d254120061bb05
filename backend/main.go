// Latchkey is a self-hosted server for account security: sign-in, two-factor
// authentication, passkeys and sessions. It serves a JSON API that speaks Better Auth's
// wire protocol, and an installable app. Run latchkey -h for the commands and flags.
//
// This package reads the configuration, opens the database, and runs a command or the
// server. The rules about accounts are in package account.
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
	collectRarely()
	syscall.Umask(0o077) // only the owner can read new files, such as SQLite's
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	k, c, err := parse(args, getenv, out)
	if err != nil {
		return err
	}
	return k.run(ctx, c, out)
}
