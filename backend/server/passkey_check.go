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

// passkeyCheck compares what came with a call to how the server is configured:
// most passkeys that cannot be made are a name that differs somewhere between
// the browser and here.
func (s *Server) passkeyCheck(c call, in shared.PageOrigin) (shared.SelfCheck, error) {
	l := c.language()
	out := shared.SelfCheck{OK: true, RPID: s.Accounts.RelyingParty.ID, Origin: s.Origin.String(), Checks: []shared.Finding{}}
	find := func(name, received, expected string, ok bool, fix string) {
		if received == "" {
			return // it did not come, so nothing is wrong with it
		}
		f := shared.Finding{Name: name, OK: ok, Received: truncate(received), Expected: expected}
		if !ok {
			out.OK, f.Fix = false, fix
		}
		out.Checks = append(out.Checks, f)
	}
	same := func(name, received, expected, fix string) {
		find(name, received, expected, strings.EqualFold(received, expected), fix)
	}

	page := in.Origin
	if page == "" {
		page = c.Header.Get("Origin")
	}
	bare := page
	u, err := url.Parse(page)
	if err == nil && u.Host != "" {
		bare = originOf(u)
	}
	rp := s.Accounts.RelyingParty
	find("Origin", page, out.Origin, slices.Contains(rp.Origins, strings.ToLower(page)), l.T(message.FixOrigin, out.Origin, truncate(bare)))
	if err == nil && page != "" {
		host := strings.ToLower(u.Hostname())
		find("RP ID", host, l.T(message.RPIDOrSubdomain, out.RPID), host == out.RPID || strings.HasSuffix(host, "."+out.RPID) || slices.Contains(rp.Related, strings.ToLower(page)),
			l.T(message.FixRPID, out.RPID, out.Origin))
	}
	own := func(host string) string { // as people write it: the port is clear from the scheme
		return strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[s.Origin.Scheme])
	}
	same("Host", own(c.Host), s.Origin.Host, l.T(message.FixProxyHost))

	proxy := func(addr netip.Addr, header, seen string) {
		fix := seen + l.T(message.FixTrustedProxies, addr.String())
		if header != forwarding[0] {
			fix += " " + l.T(message.FixForwardedFor)
		}
		find("Proxy", addr.String(), l.T(message.TrustedProxyAddress), s.isProxy(addr), fix)
	}
	peer, _ := peerOf(c.Request)
	header, _ := forwarded(c.Request)
	if header != "" || c.Header.Get("X-Forwarded-Proto") != "" || c.Header.Get("X-Forwarded-Host") != "" || s.behindTLS(c.Request) {
		proxy(peer, header, "")
	}
	for _, other := range s.proxies.known(s.Accounts.Now()) {
		seen := l.T(message.OthersThroughProxy) + " "
		if other.header != "" {
			seen = l.T(message.OthersThroughUntrustedProxy, other.header) + " "
		}
		if other.addr != peer {
			proxy(other.addr, other.header, seen)
		}
	}
	same("X-Forwarded-Proto", c.Header.Get("X-Forwarded-Proto"), s.Origin.Scheme,
		l.T(message.FixProxyScheme, out.Origin))
	same("X-Forwarded-Host", own(c.Header.Get("X-Forwarded-Host")), s.Origin.Host,
		l.T(message.FixProxyName, out.Origin))

	addr, err := netip.ParseAddr(c.Client.IP)
	find(l.T(message.LimitsCountYouAs), bucket(c.Client.IP), l.T(message.YourDeviceAddress), err != nil || !s.isProxy(addr),
		l.T(message.FixSharedClientAddress))
	if theirs, err := time.Parse(time.RFC3339, in.Time); err == nil {
		now := s.Accounts.Now()
		find(l.T(message.ClockTime), theirs.UTC().Format(time.DateTime)+" UTC", now.Format(time.DateTime)+" UTC", theirs.Sub(now).Abs() < clockTolerance,
			l.T(message.FixClock))
	}
	return out, nil
}

// clockTolerance is how far a code may be off (RFC 6238, section 5.2, and a step
// of 30 seconds), and more than an answer is under way.
const clockTolerance = 30 * time.Second

// truncate returns as much of what a caller sent as an answer repeats.
func truncate(s string) string {
	const max = 200 // bytes
	return strings.ToValidUTF8(s[:min(len(s), max)], "")
}
