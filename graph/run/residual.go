package run

import (
	"fmt"
	"math"
)

// Residual returns the worst residual that a node's implicit equation has left in
// the run so far, in the unit of its type; 0 for types that solve none.
func (r *Run) Residual(node string) float64 {
	worst := 0.0
	for _, x := range r.execs {
		if x.Name == node {
			for _, v := range x.residuals {
				if !(v <= worst) {
					worst = v
				}
			}
		}
	}
	return worst
}

// Unconverged names the nodes whose implicit equations were not solved, with
// what was left of them, and those that refused to run.
func (r *Run) Unconverged() []string {
	var list []string
	for _, x := range r.execs {
		switch forward, backward := x.Refused(); {
		case forward:
			list = append(list, x.Name+": it answers that it is unsupported (AMP_E_UNSUPPORTED), so its output is silent from there on")
		case backward:
			list = append(list, x.Name+": it answers on the way back that it is unsupported (AMP_E_UNSUPPORTED), so gradients behind it are zero")
		}
		if t := x.Type; t.Residual != "" {
			if v := r.Residual(x.Name); v > t.ResidualLimit || math.IsNaN(v) {
				list = append(list, fmt.Sprintf("%s: up to %.2g %s of its equation were left unsolved; give it more steps, or a higher oversample_ratio", x.Name, v, t.Residual))
			}
		}
	}
	return list
}

// Clamped counts the frames at which a modulated parameter left its range.
func (r *Run) Clamped() int64 {
	n := int64(0)
	for _, x := range r.execs {
		n += x.clamped
	}
	return n
}
