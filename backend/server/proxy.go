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

// forwarding lists the headers that proxies add. [Server.address] reads only the first.
var forwarding = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"}

// forwarded returns the first header of forwarding that a request has, or "", and the
// normalized addresses in it. Via contains none.
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

// forwardedFor matches the address of a proxy's client (RFC 7239, section 5.2).
var forwardedFor = regexp.MustCompile(`(?i)(?:^|;)\s*for="?([^;"]+)`)

// maxCallers, in bytes, limits the stored addresses. It is enough to distinguish two
// chains of proxies.
const maxCallers = 200

// peerOf returns the remote address of the connection of a request.
func peerOf(r *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap().WithZone(""), err == nil
}

// behindTLS reports whether browsers can reach the server only through a proxy that
// terminates TLS.
func (s *Server) behindTLS(r *http.Request) bool { return s.Origin.Scheme == "https" && r.TLS == nil }

// An undeclared is an address that may be a proxy and is not in -trusted-proxies. All its
// callers share one rate limit.
type undeclared struct {
	addr   netip.Addr
	header string // one of forwarding; empty if it sent none

	callers string // the addresses in the last request
	sure    bool   // it looks like a proxy
	seen    time.Time
	logged  time.Time
}

// proxies are the undeclared proxies that this replica has seen since it started. They
// are not stored: each replica sees a proxy again with its first callers, and the proxy
// may have been declared at a restart.
type proxies struct {
	mu     sync.Mutex
	all    []*undeclared // the most recently seen comes last
	logged []time.Time   // times of the warnings in the last hour
}

const (
	// maxProxies exceeds the number of proxies in front of a server. An attacker with
	// many addresses can fill the list, but a real proxy returns to it with its next
	// request.
	maxProxies = 16
	// Each address is logged once an hour, and at most maxProxyLogs addresses an hour. An
	// attacker who uses many addresses must not fill the log.
	proxyLogEvery = time.Hour
	maxProxyLogs  = 8
	// proxyMemory is how long the self-check shows a proxy after it was last seen.
	proxyMemory = 24 * time.Hour
)

// watchProxies detects undeclared proxies and logs a warning about them.
//
// Anyone can send X-Forwarded-For, so one request with it proves nothing. An address
// looks like a proxy once it has forwarded requests of two callers within an hour. If the
// origin is https and no proxy is declared, the first request is enough: browsers can
// then reach the server only through a proxy.
//
// An attacker can invent two callers. So the warning leaves it to the operator whether
// the address is their proxy, and says that the server does not trust the header. The
// self-check uses the administrator's own request (see [Server.passkeyCheck]), which no
// attacker can forge.
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
	if header == "" && !(sure && r.Header.Get("Sec-Fetch-Site") != "") { // a browser sent it
		return
	}
	if s.proxies.record(undeclared{addr: addr, header: header, callers: callers, sure: sure, seen: s.Accounts.Now()}) {
		passes := header
		if passes == "" {
			passes = "no client address"
		}
		s.Log.WarnContext(
			r.Context(),
			"requests come from an address that looks like a proxy but is not in -trusted-proxies, so all clients behind it "+
				"share one rate limit. "+
				"If it is your proxy, start the server with -trusted-proxies "+addr.String()+". "+
				"Otherwise ignore this warning: the server does not trust its headers",
			"address",
			addr.String(),
			"passes",
			passes,
		)
	}
}

// record stores what a request shows about an address, and reports whether to log it.
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

// known returns the addresses that look like proxies, the most recently seen one first.
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
