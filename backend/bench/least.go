package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
)

// scripts matches what a page needs only because the app starts in it.
var scripts = regexp.MustCompile(`(?s)<script.*?</script>|<link rel="(?:expect|preload|catalog|manifest).*?>|` +
	`<div id="app-wasm-loader">.*?</div>`)

// serveLeast serves the documents of pages without their scripts: the least page with the same content
// and the same stylesheet. Page 0 is at /0.
func serveLeast(pages ...view) (*http.Server, error) {
	handler := http.NewServeMux()
	for i, v := range pages {
		address, err := url.Parse(v.url)
		if err != nil {
			return nil, err
		}
		document, err := get(v.url, v.cookie)
		if err != nil {
			return nil, err
		}
		serveFile(handler, "/"+strconv.Itoa(i), "text/html; charset=utf-8", scripts.ReplaceAll(document, nil))
		if i > 0 {
			continue
		}
		address.Path = "/web/app.css"
		style, err := get(address.String(), "")
		if err != nil {
			return nil, err
		}
		serveFile(handler, address.Path, "text/css; charset=utf-8", style)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Addr: listener.Addr().String(), Handler: handler}
	go s.Serve(listener) // until the caller closes s
	return s, nil
}

func get(address, cookie string) ([]byte, error) {
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return nil, err
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func serveFile(mux *http.ServeMux, path, kind string, content []byte) {
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	w.Write(content) // a buffer takes everything
	w.Close()
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(small.Len()))
		w.Write(small.Bytes())
	})
}
