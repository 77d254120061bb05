package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A call is what the clients of a load repeat: usually one request.
type call func(*client) error

// A plan says how a load sends its calls.
type plan struct {
	clients int
	limit   time.Duration // after which no call begins
	most    int           // calls to send; 0 for as many as the limit permits, in rotation
	refusal bool          // a server may refuse calls, which are counted
}

// A result has the measurements of one load.
type result struct {
	lasted  time.Duration
	took    []time.Duration // the time of each call that succeeded, shortest first
	refused int
	sent    int
}

func (r result) perSecond() float64 { return float64(len(r.took)) / r.lasted.Seconds() }

// percentile returns the time that p percent of the calls did not exceed.
func (r result) percentile(p int) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return r.took[(len(r.took)-1)*p/100]
}

// load sends calls from concurrent clients. Each client is a closed loop.
func load(ctx context.Context, address string, calls []call, p plan) (result, error) {
	if len(calls) == 0 {
		return result{}, errors.New("there is no call to send")
	}
	var next, refused atomic.Int64
	results := make([][]time.Duration, p.clients)
	errs := make([]error, p.clients)
	begin := time.Now()
	var all sync.WaitGroup
	for i := range p.clients {
		all.Go(func() {
			c, err := dial(address)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.conn.Close()
			for sent := time.Now(); sent.Sub(begin) < p.limit && ctx.Err() == nil; sent = time.Now() {
				n := int(next.Add(1) - 1)
				if p.most > 0 && n >= p.most {
					return
				}
				err := calls[n%len(calls)](c)
				if _, ok := errors.AsType[statusError](err); ok && p.refusal {
					refused.Add(1)
					continue
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
	r := result{
		lasted: time.Since(begin), took: slices.Concat(results...), refused: int(refused.Load()), sent: int(next.Load()),
	}
	if p.most > 0 {
		r.sent = min(r.sent, p.most)
	}
	slices.Sort(r.took)
	err := errors.Join(errs...)
	if err == nil && len(r.took) == 0 {
		err = errors.New("the server has answered no call")
	}
	return r, err
}

// each calls do for the numbers up to n from a few concurrent clients.
func each(address string, n int, do func(i int, c *client) error) error {
	if n == 0 {
		return nil
	}
	calls := make([]call, n)
	for i := range calls {
		calls[i] = func(c *client) error { return do(i, c) }
	}
	_, err := load(context.Background(), address, calls, plan{clients: 4, limit: 10 * time.Minute, most: n})
	return err
}
