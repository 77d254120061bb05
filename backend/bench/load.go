package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A result has the measurements of one load.
type result struct {
	lasted time.Duration
	took   []time.Duration // the time of each request, shortest first
}

func (r result) perSecond() float64 { return float64(len(r.took)) / r.lasted.Seconds() }

// percentile returns the time that p percent of the requests did not exceed.
func (r result) percentile(p int) time.Duration {
	return r.took[(len(r.took)-1)*p/100]
}

// load sends the requests in rotation from concurrent clients until the limit is over. If
// most is not 0, it stops after that many requests. It fails unless every answer is a 200
// with a body other than null.
func load(address string, requests [][]byte, clients, most int, limit time.Duration) (result, error) {
	var next atomic.Int64
	results := make([][]time.Duration, clients)
	errs := make([]error, clients)
	begin := time.Now()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				errs[i] = err
				return
			}
			defer conn.Close()
			answers := bufio.NewReaderSize(conn, 64<<10)
			for time.Since(begin) < limit {
				n := int(next.Add(1) - 1)
				if most > 0 && n >= most {
					return
				}
				sent := time.Now()
				size, err := exchange(conn, answers, requests[n%len(requests)])
				if err == nil && size <= int64(len("null")) {
					err = errors.New("the response is null: the server does not recognize the session")
				}
				if err != nil {
					errs[i] = err
					return
				}
				results[i] = append(results[i], time.Since(sent))
			}
		})
	}
	all.Wait()
	r := result{lasted: time.Since(begin), took: slices.Concat(results...)}
	slices.Sort(r.took)
	for _, err := range errs {
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// exchange sends one request, reads the answer and returns the size of its body. It fails
// unless the answer is a 200. It does not use [http.Client], which would take as much CPU
// time as the server does.
func exchange(conn net.Conn, answers *bufio.Reader, request []byte) (size int64, err error) {
	if _, err := conn.Write(request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(answer.Body)
		return 0, fmt.Errorf("%s: %s", answer.Status, body)
	}
	return io.Copy(io.Discard, answer.Body)
}
