// An application with the middleware of the documents.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"example.test/app/session"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.Of(r)
		fmt.Fprintln(w, s.User.Email, !s.Session.ConfirmedAt.IsZero(), s.Session.SecondFactorAt.IsZero())
	})
	panic(http.Serve(listener, session.Require(os.Getenv("ACCOUNTS_ORIGIN"), os.Getenv("ACCOUNTS_KEY"), hello)))
}
