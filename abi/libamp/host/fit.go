package host

import (
	"context"
	"encoding/json"
	"strings"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/optim"
)

// FitRequest is a fit that a host asks for.
type FitRequest struct {
	Graph         string // text of a graph file
	Options       string // JSON object; "" for the defaults
	Target, Input [][]float64
	Rate          float64
	// Progress is called after each step; true stops the fit.
	Progress func(step int, loss, fraction float64) (stop bool)
}

// Fit learns the parameters and returns the result as JSON.
func Fit(r FitRequest) (string, error) {
	var o struct {
		Loss, Optimizer string
		Steps           int
		LR              float64
		Seed            uint64
		Learn, Freeze   []string
		KeepLatency     bool `json:"keep_latency"`
	}
	if r.Options != "" {
		d := json.NewDecoder(strings.NewReader(r.Options))
		d.DisallowUnknownFields()
		if err := d.Decode(&o); err != nil {
			return "", fault(abi.EInvalidArg, "options: %v; there are loss, optimizer, steps, lr, seed, learn, freeze and keep_latency", err)
		}
	}
	g, err := graph.Parse("", []byte(r.Graph))
	if err != nil {
		return "", fault(abi.EInvalidArg, "%v", err)
	}
	for _, n := range g.Nodes {
		if n.Type.External && r.Input == nil {
			return "", fault(abi.EInvalidArg, "the node %q plays the input, and none was passed", n.Name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	how := run.Options{KeepLatency: o.KeepLatency, Settings: graph.Settings{Audio: adjoint.ReadAudio}}
	res, err := optim.Fit(ctx, g, optim.FitOptions{
		Target: r.Target, Input: r.Input, Rate: r.Rate, Loss: o.Loss, Optimizer: o.Optimizer, Steps: o.Steps, LR: o.LR, Seed: o.Seed,
		Learn: o.Learn, Freeze: o.Freeze, Options: how,
		Progress: func(p optim.Progress) {
			if r.Progress != nil && r.Progress(p.Step, p.Best, p.Fraction) {
				cancel()
			}
		},
	})
	if err != nil {
		return "", fault(abi.EInvalidArg, "%v", err)
	}
	text, err := json.Marshal(map[string]any{
		"graph":  json.RawMessage(g.WithValues(res.Values(), ".")),
		"loss":   map[string]any{"name": res.LossName, "initial": res.Initial, "final": res.Final},
		"values": res.Values(), "steps": res.Steps, "seconds": res.Seconds, "stopped": res.Interrupted, "notes": res.Notes,
	})
	return string(text), err
}
