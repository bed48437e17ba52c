package adjoint

import (
	"fmt"
	"math"
	"strings"
)

// String prints the table: one row per parameter, then rates and dot product.
func (r *CheckReport) String() string {
	var b strings.Builder
	width := 9
	for i := range r.Rows {
		width = max(width, len(r.Rows[i].Name()))
	}
	fmt.Fprintf(&b, "%-*s  %22s  %22s  %10s\n", width, "parameter", "adjoint", "difference", "error")
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Cut != "" {
			fmt.Fprintf(&b, "%-*s  cut off: %s has no adjoint\n", width, row.Name(), row.Cut)
			continue
		}
		mark := ""
		if row.Kink && row.OK {
			mark = "  kink"
		} else if row.Unsure > rowTolerance {
			mark = fmt.Sprintf("  differences are good to %.0e here", row.Unsure)
		}
		if !row.OK {
			mark = "  WRONG"
		}
		fmt.Fprintf(&b, "%-*s  %22.15g  %22.15g  %10.1e%s\n", width, row.Name(), row.Adjoint, row.Difference, row.Error, mark)
	}
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Kink {
			b.WriteString(row.kink())
		}
	}
	if math.IsNaN(r.Dot) {
		fmt.Fprintf(&b, "Taylor rates and dot product: not defined behind nodes without an adjoint\n")
	} else {
		fmt.Fprintf(&b, "Taylor rates: %s, %s, %s (1, 2, 3 expected)\n", rate(r.Rates[0]), rate(r.Rates[1]), rate(r.Rates[2]))
		if !math.IsNaN(r.Slope) {
			fmt.Fprintf(&b, "  other rates come of kinks along the direction or of a wrong gradient: the slope along it is compared in steps that end before kinks, error %.1e\n", r.Slope)
		}
		how := "tangent kernels"
		if !r.DotExact {
			how = "differences, as there is no tangent kernel in " + strings.Join(r.NoTangent, ", ")
		}
		fmt.Fprintf(&b, "dot product: |⟨Jv,w⟩ − ⟨v,Jᵀw⟩| = %.1e, relative (Jv by %s)\n", r.Dot, how)
		if r.DotBeside > 0 {
			fmt.Fprintf(&b, "  kinks along the direction spoil that; with all parameters moved by thousandths it is %.1e\n", r.DotBeside)
		}
	}
	for _, node := range r.Unconverged {
		fmt.Fprintln(&b, node)
	}
	if r.Clamped > 0 {
		fmt.Fprintf(&b, "modulation left its range at %d frames and was clamped there\n", r.Clamped)
	}
	for _, name := range r.Unsupported {
		fmt.Fprintf(&b, "%s has no adjoint: zero gradients behind it\n", name)
	}
	return b.String()
}

// kink is the sentence below the table on a row that has one.
func (r *CheckRow) kink() string {
	what := fmt.Sprintf("slopes %.6g left and %.6g right; the adjoint takes %s", r.Left, r.Right, takes[r.Takes])
	switch {
	case r.Jump != 0:
		what = fmt.Sprintf("the loss jumps by %.2g, so it has no slope; the adjoint gives %.6g", r.Jump, r.Adjoint)
	case r.Takes == "neither" && r.Left == r.Right:
		what = "on its bound the adjoint is not the slope inside"
	}
	verdict := "so it does not count"
	if !r.OK {
		verdict = "so it is no mere kink"
	}
	return fmt.Sprintf("kink at %s = %.6g: %s; beside it, at %.6g, the error is %.1e, %s\n", r.Name(), r.Param.Values[r.Element], what, r.Value, r.Beside, verdict)
}

var takes = map[string]string{
	"right-hand": "the right-hand one", "left-hand": "the left-hand one", "one between": "one between", "neither": "neither, as several kinks meet",
}

func rate(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "exact"
	case math.IsNaN(x):
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}
