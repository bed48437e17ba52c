package run

import (
	"ampfit/internal/text"
	"fmt"
	"strings"
)

// Describe prints the plan: nodes with their latency, stage and block, edges
// with what their read offset is made of, cohorts.
func (r *Run) Describe() string {
	p := r.Plan
	var b strings.Builder
	fmt.Fprintf(&b, "%g Hz, blocks of %d frames, schedule %s, latency of its own %d frames (%.2f ms)\n\nnodes\n",
		p.Rate, p.Block, r.schedule, p.Latency, 1000*float64(p.Latency)/p.Rate)
	rows := [][]string{{"  name", "type", "stage", "lanes", "rate", "measured delay", "renders"}}
	for _, c := range p.Components {
		for _, u := range c.Units {
			block := fmt.Sprintf("%d frames", c.Block)
			if c.Loop {
				block += " (feedback loop)"
			}
			adjoint := ""
			if u.NoAdjoint {
				adjoint = ", no adjoint"
			}
			rows = append(rows, []string{"  " + u.Name, u.Type.Name, fmt.Sprint(c.Stage), fmt.Sprint(u.Lanes), fmt.Sprintf("%g Hz", u.Rate), p.DelayText(u), block + adjoint})
		}
	}
	text.Columns(&b, rows)
	b.WriteString("\nedges\n")
	rows = [][]string{{"  from", "to", "read offset R", "made of", "latency L"}}
	for _, l := range p.Links {
		if l.Edge == nil {
			continue
		}
		rows = append(rows, []string{"  " + l.From.Unit.Node.Name + "." + l.Edge.Source.Name, l.TargetName(), fmt.Sprint(l.R), l.Parts(), fmt.Sprint(l.L)})
	}
	text.Columns(&b, rows)
	if p.Lengthened() != "" {
		b.WriteString("\n" + p.Lengthened())
	}
	b.WriteString("\ncohorts (lanes that one kernel call runs side by side)\n")
	together := false
	for _, c := range r.Cohorts {
		if len(c.execs) > 1 || c.Lanes() > 1 {
			together = true
			fmt.Fprintf(&b, "  %d lanes: %s\n", c.Lanes(), strings.Join(c.Names(), ", "))
		}
	}
	if !together {
		b.WriteString("  none: every node has one lane and a type or configuration of its own\n")
	}
	return b.String()
}

// Channels prints every channel: its history, its write cursor and, for each
// reader, the read cursor, its offset and the token that becomes visible to it
// next. Without Options.CheckReads all cursors stand where the run does.
func (r *Run) Channels() string {
	var b strings.Builder
	at := r.cursors
	if at == nil {
		at = newCursors(r.Plan)
		at.stand(r.end)
	}
	rows := [][]string{{"channel", "rows", "history", "written to", "reader", "R", "has read to", "next visible token"}}
	for _, x := range r.execs {
		for i, out := range x.Out {
			name := x.Name + "." + out.Name
			hist := 0
			if len(x.out[i]) > 0 {
				hist = x.out[i][0].Past()
			}
			head := []string{name, fmt.Sprint(len(x.out[i])), fmt.Sprint(hist), fmt.Sprint(at.write[x.Index][i].Load())}
			if out == r.Plan.Output {
				rows = append(rows, append(head, "output", "0", fmt.Sprint(r.end), token(r.end, 0)))
				head = []string{"", "", "", ""}
			}
			for _, l := range out.Readers {
				to := l.To().Name
				if l.Param != nil {
					to += "." + l.Param.Name
				} else {
					to += "." + l.In.Name
				}
				rows = append(rows, append(head[:4:4], to, fmt.Sprint(l.R), fmt.Sprint(at.read[l.Index]), token(at.read[l.Index]-int64(l.R), l.R)))
				head = []string{"", "", "", ""}
			}
		}
	}
	text.Columns(&b, rows)
	return b.String()
}

// token says when a token is made and read.
func token(made int64, offset int) string {
	if made < 0 {
		return fmt.Sprintf("none before frame %d", offset)
	}
	return fmt.Sprintf("made at %d, visible at %d", made, made+int64(offset))
}
