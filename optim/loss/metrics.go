package loss

import (
	"math"
	"slices"
	"strings"
)

// Metric is a figure of a report.
type Metric struct {
	Name   string
	Value  float64 // NaN if it is undefined
	Reason string  // why it is undefined, otherwise empty
}

// Metrics returns how far x is from the target by every loss with its default
// settings, by name. Ratios in dB have the sign that listeners expect, more is
// better, and go up to 200 dB: the ε of the losses, 1e-8, would end them near
// 110 dB, while esr goes on. A metric that the target leaves undefined, such as esr of silence, is
// NaN with a reason; so are, where names are given, all others. It panics if x and the
// target differ in length.
func Metrics(x, target []float64, channels int, rate float64, only ...string) []Metric {
	var metrics []Metric
	for i := range kinds {
		k := &kinds[i]
		if k.metric == "" {
			continue
		}
		m := Metric{Name: k.metric, Value: math.NaN()}
		if len(only) > 0 && !slices.Contains(only, k.metric) {
			m.Reason = "left out"
			metrics = append(metrics, m)
			continue
		}
		loss, err := k.build(&call{kind: k, target: target, channels: channels, rate: rate})
		if err != nil {
			m.Reason = strings.TrimPrefix(err.Error(), "loss: ")
		} else {
			if r, ok := loss.(*ratio); ok {
				r.exact()
			}
			m.Value = k.sign * loss.Evaluate(nil, x)
			if math.IsNaN(m.Value) {
				m.Reason = "the rendering is not finite"
			}
		}
		metrics = append(metrics, m)
	}
	return metrics
}
