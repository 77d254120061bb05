package server_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"latchkey/backend/account"
)

func TestListEvents(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner, other := s.signUp(t, ann), s.signUp(t, bob)
		for i := range 60 {
			want(t, owner.elsewhere().post("/update-user", body{"name": fmt.Sprint("Ann ", i)}), 200, "")
		}
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": "wrong wrong"}), 401, "INVALID_EMAIL_OR_PASSWORD")

		a := owner.get("/list-events")
		want(t, a, 200, "")
		if a.get("events.0.kind") != "sign-in-failed" || a.get("events.0.text") != "Wrong password at sign-in" || a.get("events.0.actor") != nil ||
			a.get("events.0.account.email") != ann || a.get("events.0.device.browser") != "Firefox 153" || !strings.HasPrefix(fmt.Sprint(a.get("events.0.ipAddress")), "198.18.") {
			t.Errorf("the newest: %v", a.get("events.0"))
		}
		if a.get("events.1.actor.email") != ann || a.get("events.49") == nil || a.get("events.50") != nil || a.get("next") != a.get("events.49.id") {
			t.Errorf("the page: %v, then %v", a.get("events.1"), a.get("next"))
		}
		second := owner.get("/list-events?before=" + fmt.Sprint(a.get("next")))
		if second.get("events.11.kind") != "sign-up" || second.get("events.12") != nil || second.get("next") != nil {
			t.Errorf("the second page: %v", second)
		}
		if a := owner.get("/list-events?kind=sign-up"); a.get("events.0.kind") != "sign-up" || a.get("events.1") != nil {
			t.Errorf("of one kind: %v", a)
		}
		if a := owner.get("/list-events?kind=nothing"); a.body != `{"events":[]}` {
			t.Errorf("of no kind: %v", a)
		}
		// Another's are another's, whatever is asked for.
		if a := other.get("/list-events?user=" + owner.id()); strings.Contains(a.body, ann) || a.get("events.0.account.email") != bob {
			t.Errorf("another's: %v", a)
		}

		want(t, owner.request("GET", "/api/events", ""), 403, "FORBIDDEN")
		want(t, owner.request("GET", "/api/events.csv", ""), 403, "FORBIDDEN")
		owner.granted(account.PermissionAudit)
		if a := owner.request("GET", "/api/events?user="+other.id(), ""); a.get("events.0.account.email") != bob || a.get("events.1") != nil {
			t.Errorf("everybody's, of one: %v", a)
		}
		if a := owner.request("GET", "/api/events?kind=sign-up", ""); a.get("events.0.account.email") != bob || a.get("events.1.account.email") != ann || a.get("events.2") != nil {
			t.Errorf("everybody's, of one kind: %v", a)
		}
		// What is left of an account that is no more.
		id := other.id()
		want(t, other.elsewhere().post("/delete-user", body{"password": goodPassword}), 200, "")
		if a := owner.request("GET", "/api/events?kind=user-deleted", ""); a.get("events.0.account.id") != id || a.get("events.0.account.email") != nil {
			t.Errorf("a deleted user: %v", a)
		}
	})
}

func TestExportEvents(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		admin := s.signUp(t, ann).granted(account.Permissions...)
		// More than are read at once, from before they were many.
		err := s.db.Tx(t.Context(), func(tx account.Store) error {
			for i := range 2100 {
				e := account.Event{ID: fmt.Sprint("e", i), At: account.Now(), Kind: account.EventSignInFailed, Subject: `=HYPERLINK("x"), ` + fmt.Sprint(i), Detail: "@a\r\nb", UserAgent: "-1+1"}
				if err := tx.AddEvent(t.Context(), testKeys, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want(t, admin.request("PUT", "/api/settings", `{"key":"APP_NAME","value":"=Acme"}`), 200, "")
		a := admin.request("GET", "/api/events.csv", "")
		want(t, a, 200, "")
		if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv; charset=utf-8") {
			t.Errorf("Content-Type %q", got)
		}
		if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="security-log-20`) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Content-Disposition %q", got)
		}
		rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
		if err != nil || len(rows) != 2103 {
			t.Fatalf("%d rows, %v; want 2103", len(rows), err)
		}
		if !strings.Contains(a.body, "detail\r\n") {
			t.Error("lines end otherwise than RFC 4180 has it")
		}
		if r := rows[1]; r[1] != "setting-changed" || r[2] != "System key changed" || r[3] != ann || r[5] != ann || r[11] != "APP_NAME" || r[12] != "from “Latchkey” to “=Acme”" {
			t.Errorf("the newest: %q", r)
		}
		if r := rows[2]; r[11] != `'=HYPERLINK("x"), 2099` || r[12] != "'@a\nb" {
			t.Errorf("a formula: %q", r)
		}
		if r := rows[2102]; r[1] != "sign-up" {
			t.Errorf("the oldest: %q", r)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
					t.Fatalf("%q is a formula", cell)
				}
			}
		}
	})
}
