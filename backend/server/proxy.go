package server

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// forwarding are the headers by which proxies say that they are in between, the
// one that [Server.address] reads first.
var forwarding = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"}

// forwarded returns the first of those headers that a request has, or "", and the
// addresses that it names, in one form. Via names none.
func forwarded(r *http.Request) (header, callers string) {
	for _, header := range forwarding {
		values := r.Header.Values(header)
		if len(values) == 0 {
			continue
		}
		var all []string
		for text := range strings.SplitSeq(strings.Join(values, ","), ",") {
			if header == "Forwarded" {
				if match := forwardedFor.FindStringSubmatch(text); match != nil {
					text = match[1]
				}
			}
			if addr, ok := parseAddr(strings.TrimSpace(text)); ok {
				all = append(all, addr.String())
			}
		}
		callers = strings.Join(all, ",")
		return header, callers[:min(len(callers), maxCallers)]
	}
	return "", ""
}

// forwardedFor is who a proxy calls for (RFC 7239, section 5.2).
var forwardedFor = regexp.MustCompile(`(?i)(?:^|;)\s*for="?([^;"]+)`)

// maxCallers, in bytes, is what is kept of the addresses: enough to tell two
// chains of proxies apart.
const maxCallers = 200

// peerOf returns the address of the socket that a request came by.
func peerOf(r *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap().WithZone(""), err == nil
}

// behindTLS reports whether browsers can only have reached us through something
// that speaks TLS for us.
func (s *Server) behindTLS(r *http.Request) bool { return s.Origin.Scheme == "https" && r.TLS == nil }

// An undeclared is an address that looks like a proxy's and is not one of
// -trusted-proxies. All who come through it share its limits.
type undeclared struct {
	addr   netip.Addr
	header string // one of forwarding; empty if it sends none

	callers string // those of the last request
	sure    bool   // it looks like a proxy
	seen    time.Time
	logged  time.Time
}

// proxies is what this replica has seen of undeclared ones since it was started.
// It is not stored: each replica sees the same proxy with its first callers, and
// what was seen before a start may have been declared since.
type proxies struct {
	mu     sync.Mutex
	all    []*undeclared // the one seen last is the last
	logged []time.Time   // when the log was told, in the last hour
}

const (
	// maxProxies is more than stand in front of one server. A caller who has many addresses
	// can fill the list, and a proxy that people use is back with its next request.
	maxProxies = 16
	// The log is told of an address once in an hour, and of so many addresses: a
	// stranger who makes them up must not fill it.
	proxyLogEvery = time.Hour
	maxProxyLogs  = 8
	// proxyMemory is how long the page shows what is not seen any more.
	proxyMemory = 24 * time.Hour
)

// watchProxies looks for proxies that are not declared, and warns of them.
//
// Anyone can send X-Forwarded-For, so one request with it says nothing. An address
// looks like a proxy once it has called for two callers within an hour. Where the origin
// is https and no proxy is declared, the first request is enough: browsers reach us
// through a proxy then, and none is declared. A stranger who makes up two
// callers is named as what they look like; that is why the advice begins with "if
// it is your proxy", and why it says that nothing is believed until then. The
// administrator who looks at the self-check is judged by their own request (see
// [Server.passkeyCheck]), which no stranger can make.
func (s *Server) watchProxies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.watchProxy(r)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) watchProxy(r *http.Request) {
	addr, ok := peerOf(r)
	if !ok || s.isProxy(addr) || isProbe(r) {
		return
	}
	header, callers := forwarded(r)
	sure := s.behindTLS(r) && len(s.TrustedProxies) == 0
	if header == "" && !(sure && r.Header.Get("Sec-Fetch-Site") != "") { // a browser's
		return
	}
	if s.proxies.record(undeclared{addr: addr, header: header, callers: callers, sure: sure, seen: s.Accounts.Now()}) {
		passes := header
		if passes == "" {
			passes = "no address of the caller"
		}
		s.Log.WarnContext(
			r.Context(),
			"requests come through an address that looks like a proxy and is not in -trusted-proxies: all who come through it share one limit. "+
				"If it is your proxy, start the server with -trusted-proxies "+addr.String()+"; if it is not, do nothing: what it says is not believed",
			"address",
			addr.String(),
			"passes",
			passes,
		)
	}
}

// record keeps what a request has shown of an address, and reports whether the log
// is to be told.
func (ps *proxies) record(now undeclared) (tell bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := &now
	if i := slices.IndexFunc(ps.all, func(p *undeclared) bool { return p.addr == now.addr }); i >= 0 {
		p = ps.all[i]
		ps.all = slices.Delete(ps.all, i, i+1)
		lately := now.seen.Sub(p.seen) < proxyLogEvery
		p.sure = p.sure || now.sure || lately && p.callers != "" && now.callers != "" && p.callers != now.callers
		p.header, p.callers, p.seen = now.header, now.callers, now.seen
	} else if len(ps.all) == maxProxies {
		ps.all = slices.Delete(ps.all, 0, 1)
	}
	ps.all = append(ps.all, p)
	ps.logged = slices.DeleteFunc(ps.logged, func(at time.Time) bool { return now.seen.Sub(at) >= proxyLogEvery })
	if !p.sure || !p.logged.IsZero() && now.seen.Sub(p.logged) < proxyLogEvery || len(ps.logged) >= maxProxyLogs {
		return false
	}
	p.logged = now.seen
	ps.logged = append(ps.logged, now.seen)
	return true
}

// known returns the addresses that look like proxies, the one seen last first.
func (ps *proxies) known(now time.Time) (all []undeclared) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range slices.Backward(ps.all) {
		if p.sure && now.Sub(p.seen) < proxyMemory {
			all = append(all, *p)
		}
	}
	return all
}
