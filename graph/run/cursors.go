package run

import (
	"ampfit/graph"
	"fmt"
	"sync/atomic"
)

// cursors are the absolute frames at which the channels of a run stand: one
// write cursor for the rows of an output, one read cursor for each reader.
//
//	a token made at m is visible to a reader of offset R at m + R
//	so frame n may be read as soon as n − R was written
type cursors struct {
	// By unit and output port: frames below are written. A producer may go on
	// to its next block while a reader looks.
	write [][]atomic.Int64
	read  []int64 // by link: frames below were read
}

func newCursors(p *graph.Plan) *cursors {
	c := &cursors{read: make([]int64, len(p.Links))}
	for _, u := range p.Units {
		c.write = append(c.write, make([]atomic.Int64, len(u.Out)))
	}
	return c
}

// stand sets all cursors to where a run stands that goes on at frame.
func (c *cursors) stand(frame int64) {
	for _, ports := range c.write {
		for i := range ports {
			ports[i].Store(frame)
		}
	}
	for i := range c.read {
		c.read[i] = frame
	}
}

// wrote notes that a unit wrote frames up to end.
func (c *cursors) wrote(u *graph.Unit, end int64) {
	for i := range c.write[u.Index] {
		c.write[u.Index][i].Store(end)
	}
}

// reads checks that a unit may read [at, at+frames) of its links: that their
// producers have written what is visible then, and that it is still there.
func (r *Run) reads(u *graph.Unit, at int64, frames int) {
	check := func(l *graph.Link) {
		written := r.cursors.write[l.From.Unit.Index][l.From.Index].Load()
		if newest := at + int64(frames) - int64(l.Back); newest > written && newest > 0 {
			panic(fmt.Sprintf("run: early read: %s reads frame %d of %s.%s, which is written to frame %d", u.Name, newest-1, l.From.Unit.Name, l.From.Name, written))
		}
		row := r.execs[l.From.Unit.Index].out[l.From.Index][0]
		if oldest := at - int64(l.Back); oldest < r.start-int64(row.Past()/row.Mult()) {
			panic(fmt.Sprintf("run: late read: %s reads frame %d of %s.%s, which is kept from frame %d on", u.Name, oldest, l.From.Unit.Name, l.From.Name, r.start-int64(row.Past()/row.Mult())))
		}
		r.cursors.read[l.Index] = at + int64(frames)
	}
	for _, in := range u.In {
		for _, l := range in.Links {
			check(l)
		}
	}
	for _, q := range u.Params {
		for _, l := range q.Mods {
			check(l)
		}
	}
}
