package server

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"latchkey/shared"
	"latchkey/shared/message"
)

// passkeyCheck compares a call with the configuration of the server. Most failures to
// create a passkey happen because a name differs between the browser and the server.
func (s *Server) passkeyCheck(c call, in shared.PageOrigin) (shared.SelfCheck, error) {
	check := selfCheck{
		Server: s, call: c, l: c.language(),
		out: shared.SelfCheck{OK: true, RPID: s.Accounts.RelyingParty.ID, Origin: s.Origin.String(), Checks: []shared.Finding{}},
	}
	check.checkNames(in.Origin)
	check.checkProxies()
	check.checkCaller(in.Time)
	return check.out, nil
}

// selfCheck collects the findings of one self-check.
type selfCheck struct {
	*Server
	call
	l   *message.Language
	out shared.SelfCheck
}

// addFinding adds a finding, unless received is empty.
func (sc *selfCheck) addFinding(name, received, expected string, ok bool, fix string) {
	if received == "" {
		return
	}
	f := shared.Finding{Name: name, OK: ok, Received: truncate(received), Expected: expected}
	if !ok {
		sc.out.OK, f.Fix = false, fix
	}
	sc.out.Checks = append(sc.out.Checks, f)
}

// addComparison adds a finding on whether two names are equal.
func (sc *selfCheck) addComparison(name, received, expected, fix string) {
	sc.addFinding(name, received, expected, strings.EqualFold(received, expected), fix)
}

// withoutPort returns a host without the default port of the server's scheme.
func (sc *selfCheck) withoutPort(host string) string {
	return strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[sc.Origin.Scheme])
}

// checkNames checks the origin that the page reported, or else the Origin header, and the
// Host header.
func (sc *selfCheck) checkNames(page string) {
	if page == "" {
		page = sc.Header.Get("Origin")
	}
	bare := page
	u, err := url.Parse(page)
	if err == nil && u.Host != "" {
		bare = originOf(u)
	}
	rp, l, out := sc.Accounts.RelyingParty, sc.l, sc.out
	sc.addFinding("Origin", page, out.Origin, rp.MayUse(strings.ToLower(page)),
		l.T(message.FixOrigin, out.Origin, truncate(bare)))
	if err == nil && page != "" {
		host := strings.ToLower(u.Hostname())
		below := host == out.RPID || strings.HasSuffix(host, "."+out.RPID)
		sc.addFinding("RP ID", host, l.T(message.RPIDOrSubdomain, out.RPID), below || slices.Contains(rp.Related, strings.ToLower(page)),
			l.T(message.FixRPID, out.RPID, out.Origin))
	}
	sc.addComparison("Host", sc.withoutPort(sc.Host), sc.Server.Origin.Host, l.T(message.FixProxyHost))
}

// checkProxies checks that all proxies are declared, and checks the headers that they
// added to the call.
func (sc *selfCheck) checkProxies() {
	peer, _ := peerOf(sc.Request)
	header, _ := forwarded(sc.Request)
	if header != "" || sc.Header.Get("X-Forwarded-Proto") != "" || sc.Header.Get("X-Forwarded-Host") != "" || sc.behindTLS(sc.Request) {
		sc.addProxy(peer, header, "")
	}
	for _, other := range sc.Server.proxies.known(sc.Accounts.Now()) {
		seen := sc.l.T(message.OthersThroughProxy) + " "
		if other.header != "" {
			seen = sc.l.T(message.OthersThroughUntrustedProxy, other.header) + " "
		}
		if other.addr != peer {
			sc.addProxy(other.addr, other.header, seen)
		}
	}
	sc.addComparison("X-Forwarded-Proto", sc.Header.Get("X-Forwarded-Proto"), sc.Origin.Scheme, sc.l.T(message.FixProxyScheme, sc.out.Origin))
	sc.addComparison("X-Forwarded-Host", sc.withoutPort(sc.Header.Get("X-Forwarded-Host")), sc.Origin.Host,
		sc.l.T(message.FixProxyName, sc.out.Origin))
}

// addProxy adds a finding on whether a proxy is declared.
func (sc *selfCheck) addProxy(addr netip.Addr, header, seen string) {
	fix := seen + sc.l.T(message.FixTrustedProxies, addr.String())
	if header != forwarding[0] {
		fix += " " + sc.l.T(message.FixForwardedFor)
	}
	sc.addFinding("Proxy", addr.String(), sc.l.T(message.TrustedProxyAddress), sc.isProxy(addr), fix)
}

// checkCaller checks the caller's address, which limits count, and the clock of the
// device. sent is the time of that clock (RFC 3339).
func (sc *selfCheck) checkCaller(sent string) {
	addr, err := netip.ParseAddr(sc.Client.IP)
	sc.addFinding(sc.l.T(message.LimitsCountYouAs), bucket(sc.Client.IP), sc.l.T(message.YourDeviceAddress), err != nil || !sc.isProxy(addr),
		sc.l.T(message.FixSharedClientAddress))
	if theirs, err := time.Parse(time.RFC3339, sent); err == nil {
		now := sc.Accounts.Now()
		sc.addFinding(sc.l.T(message.ClockTime), theirs.UTC().Format(time.DateTime)+" UTC", now.Format(time.DateTime)+" UTC",
			theirs.Sub(now).Abs() < clockTolerance, sc.l.T(message.FixClock))
	}
}

// clockTolerance is one time step: how far the clock of an authenticator may be off (RFC
// 6238, section 5.2). It is longer than a call takes.
const clockTolerance = 30 * time.Second

// truncate shortens a caller's text for a response that repeats it.
func truncate(s string) string {
	const max = 200 // bytes
	return strings.ToValidUTF8(s[:min(len(s), max)], "")
}
