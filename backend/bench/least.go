package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
)

// scripts matches what a page needs only because the app starts in it.
var scripts = regexp.MustCompile(`(?s)<script.*?</script>|<link rel="(?:expect|preload|later|catalog|manifest).*?>|` +
	`<div id="app-wasm-loader">.*?</div>`)

// stylesheet matches the address of the stylesheet of a page.
var stylesheet = regexp.MustCompile(`"(/web/app\.css[^"]*)"`)

// serveLeast serves the documents of pages without their scripts: the least page with the same content,
// the same stylesheet and the same headers. One of these, Cross-Origin-Opener-Policy, makes a browser
// start a process for the page. Page 0 is at /0.
func serveLeast(pages ...view) (*http.Server, error) {
	handler := http.NewServeMux()
	for i, v := range pages {
		address, err := url.Parse(v.url)
		if err != nil {
			return nil, err
		}
		document, headers, err := get(v.url, v.cookie)
		if err != nil {
			return nil, err
		}
		serveFile(handler, "/"+strconv.Itoa(i), headers, scripts.ReplaceAll(document, nil))
		if i > 0 {
			continue
		}
		link := stylesheet.FindSubmatch(document)
		if link == nil {
			return nil, fmt.Errorf("%s has no stylesheet", v.url)
		}
		style, err := url.Parse(string(link[1]))
		if err != nil {
			return nil, err
		}
		content, headers, err := get(address.ResolveReference(style).String(), "")
		if err != nil {
			return nil, err
		}
		serveFile(handler, style.Path, headers, content)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Addr: listener.Addr().String(), Handler: handler}
	go s.Serve(listener) // until the caller closes s
	return s, nil
}

func get(address, cookie string) ([]byte, http.Header, error) {
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return nil, nil, err
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: %s", address, answer.Status)
	}
	answer.Header.Del("Set-Cookie") // cookies are those of all ports
	answer.Header.Del("Date")
	body, err := io.ReadAll(answer.Body)
	return body, answer.Header, err
}

func serveFile(mux *http.ServeMux, path string, headers http.Header, content []byte) {
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	w.Write(content) // a buffer takes everything
	w.Close()
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), headers)
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(small.Len()))
		w.Write(small.Bytes())
	})
}
