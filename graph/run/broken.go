package run

import (
	"fmt"
	"math"
)

// Broken names the node whose output first stops being a number, among the
// frames that the run holds: the earliest frame, and there the node furthest up.
// It is "" when all are numbers.
func (r *Run) Broken() string {
	text, first := "", int64(math.MaxInt64)
	for _, c := range r.Plan.Components {
		for _, u := range c.Units {
			for _, rows := range r.execs[u.Index].out {
				for _, row := range rows {
					held := r.memory[primal].Frames(row, 0, int(r.end-r.start))
					for n, v := range held {
						at := r.start + int64(n/row.Mult())
						if at >= first {
							break
						}
						if math.IsNaN(v) || math.IsInf(v, 0) {
							first, text = at, fmt.Sprintf("the output of the node %q is %v at frame %d", u.Node.Name, v, at)
							break
						}
					}
				}
			}
		}
	}
	return text
}
