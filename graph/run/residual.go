package run

import (
	"fmt"
	"math"
)

// Residual returns the worst residual that a node's implicit equation has left in
// the run so far, in the unit of its type; 0 for types that solve none.
func (r *Run) Residual(node string) float64 {
	worst := 0.0
	for _, x := range r.Execs {
		if x.Unit.Name == node {
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
// what was left of them.
func (r *Run) Unconverged() []string {
	var list []string
	for _, x := range r.Execs {
		if t := x.Unit.Type; t.Residual != "" {
			if v := r.Residual(x.Unit.Name); v > t.ResidualLimit || math.IsNaN(v) {
				list = append(list, fmt.Sprintf("%s: up to %.2g %s of its equation were left unsolved; give it more steps, or a higher oversample_ratio", x.Unit.Name, v, t.Residual))
			}
		}
	}
	return list
}
