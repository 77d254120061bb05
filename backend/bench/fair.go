package main

import (
	"context"
	"time"
)

// fair measures get-session while nothing else happens, and while 64 clients sign in, whose
// passwords are hashed.
func (b *bench) fair(kind string, sides []side) error {
	for _, s := range sides {
		progress("%s fair: %s …", kind, s.product)
		reads, err := getSessionOperation.prepare(s, s.accounts)
		if err != nil {
			return err
		}
		signIns, err := signInOperation.prepare(s, s.accounts)
		if err != nil {
			return err
		}
		for _, clients := range []int{1, 16} {
			quiet, err := s.measure(reads, plan{clients: clients, limit: lineTime()}, 0)
			if err != nil {
				return err
			}
			busy, err := s.measureAmong(signIns, reads, clients)
			if err != nil {
				return err
			}
			before, among := quiet.result.percentile(95), busy.percentile(95)
			b.note("%s fair: %s, get-session with %d clients: p95 %s quiet, %s while 64 others sign in (%s times), %.0f and %.0f calls a second",
				kind, s.product, clients, milliseconds(before), milliseconds(among), ratio(float64(among), float64(before)),
				quiet.result.perSecond(), busy.perSecond())
		}
	}
	return nil
}

// measureAmong measures reads while 64 other clients sign in.
func (s side) measureAmong(signIns, reads []call, clients int) (result, error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		_, err := load(ctx, s.address, signIns, plan{clients: 64, limit: time.Hour, refusal: true})
		ended <- err
	}()
	time.Sleep(500 * time.Millisecond) // until all of them wait for their hash
	busy, err := load(ctx, s.address, reads, plan{clients: clients, limit: lineTime()})
	stop()
	if other := <-ended; err == nil {
		err = other
	}
	return busy, err
}
