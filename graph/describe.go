package graph

import (
	"fmt"
	"strings"
)

func (p *Plan) DelayText(u *Unit) string {
	if u.Filter != nil {
		return "counted at " + u.Node.Name
	}
	total := p.measured(u)
	if total == 0 {
		return "0"
	}
	if u.Mult > 1 {
		return fmt.Sprintf("%d = %d kernel + %d filters", total, (u.Setup.Delay+u.Mult-1)/u.Mult, total-(u.Setup.Delay+u.Mult-1)/u.Mult)
	}
	return fmt.Sprint(total)
}

func (l *Link) TargetName() string {
	if l.Edge.Param != "" {
		return l.Edge.Target.Node.Name + "." + l.Edge.Param
	}
	return l.Edge.Target.Node.Name + "." + l.Edge.Target.Name
}

// Parts says what the read offset of a link is made of.
func (l *Link) Parts() string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(l.Edge.Delay, "delay_frames")
	add(l.R-l.Edge.Delay-l.Padding, "declared_delay")
	add(l.Padding, "synchrony gate")
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, " + ")
}

// Lengthened names the loops that gates or oversampling make longer.
func (p *Plan) Lengthened() string {
	var b strings.Builder
	for _, c := range p.Components {
		if !c.Loop {
			continue
		}
		pad, filters := 0, 0
		for _, l := range p.Links {
			if l.From.Unit.Component == c && l.To().Component == c {
				pad += l.Padding
				if l.Edge != nil && l.From.Unit.Filter != nil {
					filters += l.From.Measured
				}
			}
		}
		if pad > 0 {
			fmt.Fprintf(&b, "synchrony gates lengthen the loop of %s by %d frames\n", c.Units[0].Node.Name, pad)
		}
		if filters > 0 {
			fmt.Fprintf(&b, "oversampling filters lengthen the loop of %s by %d frames\n", c.Units[0].Node.Name, filters)
		}
	}
	return b.String()
}
