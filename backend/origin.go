package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"latchkey/backend/origins"
)

// parseOrigin parses the origin of a server; "" stands for http://localhost and the port of
// listen. It accepts http for this machine only: elsewhere an attacker in the network could
// read the cookies. Its errors suggest a value that it accepts.
func parseOrigin(s, listen string) (*url.URL, error) {
	if s == "" {
		_, port, err := net.SplitHostPort(listen)
		if err != nil {
			return nil, fmt.Errorf("-listen: %w", err)
		}
		s = "http://localhost:" + port
	}
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Hostname() == "" || strings.Contains(u.Host, "*") || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the origin %q is not of the form https://accounts.example.com", s)
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	if ip == nil {
		host = strings.TrimSuffix(host, ".")
		name, err := idna.Lookup.ToASCII(host)
		if err != nil || strings.Contains(name, "..") {
			return nil, fmt.Errorf("the origin %q has an invalid host name: "+
				"use letters, digits and hyphens, separated by dots, as in https://accounts.example.com", s)
		}
		host = name
	} else if ip.To4() == nil {
		host = "[" + host + "]"
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || ip.IsLoopback()
	switch {
	case u.Scheme == "http" && !local && (ip != nil || numeric(host)):
		return nil, fmt.Errorf(
			"the origin %q is not encrypted, so an attacker in the network could read the cookies, and an IP address cannot have passkeys: "+
				"put a TLS proxy in front and write its name, such as https://accounts.example.com",
			s,
		)
	case u.Scheme == "http" && !local:
		return nil, fmt.Errorf("the origin %q is not encrypted, so an attacker in the network could read the cookies: "+
			"put a TLS proxy in front and write https://%s", s, host)
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	plain := err == nil && strconv.FormatUint(n, 10) == u.Port()
	if strings.HasSuffix(u.Host, ":") || u.Port() != "" && !plain {
		return nil, fmt.Errorf("the origin %q has an invalid port: write %s://%s, or add a port from 1 to 65535", s, u.Scheme, host)
	}
	bare := &url.URL{Scheme: u.Scheme, Host: host}
	if u.Port() != "" {
		bare.Host += ":" + u.Port()
	}
	if u.String() != bare.String() {
		return nil, fmt.Errorf("the origin %q has more than a scheme, host and port, or is not in the form that browsers use: write %s", s, bare)
	}
	if port := u.Port(); port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		bare.Host = host // browsers leave out a default port
	}
	return bare, nil
}

// parseTrusted parses an origin whose pages may call the API, or a pattern such as
// https://*.preview.example.com, which stands for all hosts below the domain.
func parseTrusted(s string) (origins.Pattern, error) {
	base := strings.Replace(s, "://*.", "://", 1)
	below := base != s
	if strings.Contains(base, "*") {
		return origins.Pattern{}, fmt.Errorf("%q is not of the form https://*.preview.example.com: "+
			"the * stands for one label or more, and may only come first", s)
	}
	u, err := parseOrigin(base, "")
	switch {
	case err != nil && below:
		return origins.Pattern{}, fmt.Errorf("the pattern %q: without the *, %w", s, err)
	case err != nil:
		return origins.Pattern{}, err
	case !below:
		return origins.Exactly(u), nil
	}
	p, err := origins.Below(u)
	if err != nil {
		return p, fmt.Errorf("the pattern %q: %w", s, err)
	}
	return p, nil
}

// parseRPID parses the domain that passkeys belong to (the RP ID); "" stands for the
// origin's host. It fails for a domain that no browser accepts for pages of the origin
// (WebAuthn Level 3, section 5.1.3, step 8).
func parseRPID(s string, origin *url.URL) (string, error) {
	host := origin.Hostname()
	if net.ParseIP(host) != nil || numeric(host) {
		return "", fmt.Errorf("the origin %q is an IP address, which cannot have passkeys: "+
			"write a host name, such as http://localhost for this machine", origin)
	}
	if s == "" {
		s = host
	}
	at := func(fix string, args ...any) error {
		return fmt.Errorf("-rp-id %q is not a domain whose passkeys pages of %s can use: %s", s, origin, fmt.Sprintf(fix, args...))
	}
	if strings.ContainsAny(s, ":/@? ") || s != strings.ToLower(s) || strings.HasSuffix(s, ".") || strings.HasPrefix(s, ".") {
		return "", at("write the bare name in lower case, such as %s", host)
	}
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", at("write %s", host)
	}
	if ascii != s {
		return "", at("write it as browsers do, %s", ascii)
	}
	if s != host && !strings.HasSuffix(host, "."+s) {
		return "", at("write %s, or a domain above it", host)
	}
	if suffix, _ := publicsuffix.PublicSuffix(s); suffix == s && s != "localhost" {
		if s == host {
			return "", fmt.Errorf("the origin %q is the public suffix %s, below which anyone can have a site: "+
				"write the name of your own site, such as https://accounts.%s", origin, s, s)
		}
		own, err := publicsuffix.EffectiveTLDPlusOne(host)
		if err != nil {
			own = host
		}
		return "", at("it is a public suffix, below which anyone can have a site. Write %s", own)
	}
	return s, nil
}

// numeric reports whether browsers parse a host as an IPv4 address, even in an unusual
// form (URL Standard, section 3.5, "ends in a number").
func numeric(host string) bool {
	last := host[strings.LastIndex(host, ".")+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || strings.Trim(last, "0123456789") == ""
}

// maxRelated is how many different names of sites every browser supports. WebAuthn Level
// 3, section 5.11, requires five. A name is the label before the public suffix: example
// in https://accounts.example.com.
const maxRelated = 5

// parseRelated parses the origins of other sites that share the passkeys. The server's own
// name counts toward [maxRelated], too.
func parseRelated(all []string, origin *url.URL) (origins []string, err error) {
	labels := map[string]bool{}
	if own, err := publicsuffix.EffectiveTLDPlusOne(origin.Hostname()); err == nil {
		label, _, _ := strings.Cut(own, ".")
		labels[label] = true
	}
	for _, s := range all {
		u, err := parseOrigin(s, "")
		if err != nil {
			return nil, err
		}
		site, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname())
		if u.Scheme != "https" || err != nil {
			return nil, fmt.Errorf("%q is not the address of a site, such as https://example.com", s)
		}
		label, _, _ := strings.Cut(site, ".")
		labels[label] = true
		origins = append(origins, u.String())
	}
	if len(labels) > maxRelated {
		return nil, fmt.Errorf(
			"browsers support at most %d different site names (example in https://example.com and https://example.de is one), "+
				"and with this server's own there are %d: leave some out", maxRelated, len(labels))
	}
	return origins, nil
}

func parseProxy(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() {
		return p, errors.New("an IPv4 prefix is written as such")
	}
	return p, err
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
