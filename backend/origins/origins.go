// Package origins matches the origins of pages against those that the operator trusts.
package origins

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// A List is the origins that the operator trusts, besides the server's own. Everything that
// depends on the origin of a page asks [List.Contains].
type List []Pattern

// Contains reports whether an origin is in the list. It compares the origin as it is: browsers
// serialize an origin in one way only, in lower case and without a default port, a final dot, a
// user or a path.
func (l List) Contains(origin string) bool {
	return slices.ContainsFunc(l, func(p Pattern) bool { return p.matches(origin) })
}

// A Pattern is an origin, or the origins of all hosts below a domain.
type Pattern struct {
	prefix string // the scheme and "://"
	host   string // with the port, if there is one

	below bool
	// site is the registrable domain of the hosts that match. It is empty for hosts of this
	// machine, which have none.
	site string
}

// Exactly returns the pattern of one origin.
func Exactly(origin *url.URL) Pattern {
	return Pattern{prefix: origin.Scheme + "://", host: origin.Host}
}

// Below returns the pattern of the origins with the scheme and port of base whose host is below
// its host, by one label or more. It fails for a public suffix, such as com or github.io: anyone
// can have a site below it.
func Below(base *url.URL) (Pattern, error) {
	p := Exactly(base)
	p.below = true
	host := base.Hostname()
	if isLocal(host) {
		return p, nil
	}
	if net.ParseIP(host) != nil {
		return p, fmt.Errorf("nothing is below the IP address %s: write its origin without *", host)
	}
	var err error
	if p.site, err = publicsuffix.EffectiveTLDPlusOne(host); err != nil {
		return p, fmt.Errorf("%s is a public suffix, below which anyone can have a site: "+
			"write a domain of your own, such as %s*.preview.example.%s", host, p.prefix, host)
	}
	return p, nil
}

func (p Pattern) matches(origin string) bool {
	rest, ok := strings.CutPrefix(origin, p.prefix)
	if !ok || !p.below {
		return ok && rest == p.host
	}
	labels, ok := strings.CutSuffix(rest, "."+p.host)
	if !ok || !isLabels(labels) {
		return false
	}
	if p.site == "" {
		return true
	}
	// A public suffix may be below the domain, as s3.amazonaws.com is below amazonaws.com. What is
	// below the suffix is another site.
	host, _, _ := strings.Cut(rest, ":")
	site, err := publicsuffix.EffectiveTLDPlusOne(host)
	return err == nil && site == p.site
}

// isLabels reports whether s consists of labels of a host name, as browsers serialize them,
// separated by dots.
func isLabels(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func isLocal(host string) bool { return host == "localhost" || strings.HasSuffix(host, ".localhost") }
