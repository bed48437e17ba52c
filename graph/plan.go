package graph

import (
	"ampfit/abi"
	"ampfit/internal/resample"
)

// Options says for what a graph is planned.
type Options struct {
	Rate     float64 // Hz; needed when the file has none
	Frames   int     // length of the run at the graph's rate
	Batches  int     // independent copies with parameters of their own; 0 means 1
	Channels int     // of the dry input; 0 means 1
	Settings
}

// Settings are what a plan needs to know beside the graph and the length of the
// run; options of runs embed them. The zero value works.
type Settings struct {
	Block int // frames per kernel call; 0 means DefaultBlock, at most Grid
	// LowLatency takes shorter resampling filters around oversampled nodes:
	// flat to 0.3 of the rate, folding 80 dB down, in place of 0.45 and 100 dB.
	LowLatency bool
	// Audio reads the files that nodes name; nil refuses them.
	Audio func(path string) (*abi.Audio, error)
	// Memory is what the tables of one node may take, in bytes; 0 is no bound.
	Memory int64
}

// DefaultBlock is the number of frames the runtime renders at a time.
const DefaultBlock = 1024

// Grid is the number of frames between the absolute instants at which states
// below 1e-150 become zero. No block crosses one.
const Grid = 4096

// Plan is a graph with everything that follows from rate, length and channels:
// units, latencies, components and their order.
type Plan struct {
	Graph      *Graph
	Rate       float64
	Frames     int
	Batches    int
	Block      int
	Units      []*Unit
	Components []*Component // in topological order
	Output     *OutPort
	Links      []*Link
	// Latency is A, the largest sum of measured delays over the paths to the
	// output: what the graph is late without meaning it.
	Latency int

	audio   func(path string) (*abi.Audio, error)
	memory  int64 // of the tables of a node
	quality resample.Quality
	late    int       // bound of Latency, for Configure
	into    [][]*Edge // by the node they lead to
	*report
}

// NewPlan checks what Load could not and computes the plan. The error is
// [Errors] with every fault found.
func NewPlan(g *Graph, o Options) (*Plan, error) {
	p := &Plan{
		Graph: g, Rate: g.Rate, Frames: o.Frames, Batches: max(o.Batches, 1),
		Block: o.Block, audio: o.Audio, memory: o.Memory, report: g.report(),
	}
	if o.LowLatency {
		p.quality = resample.LowLatency
	}
	if p.Rate == 0 {
		p.Rate = o.Rate
	}
	if p.Rate == 0 {
		p.add(nil, "", `the graph has no "sample_rate" and there is no target to take it from; add one`)
		return nil, p.err()
	}
	if p.Block <= 0 {
		p.Block = DefaultBlock
	}
	p.Block = min(p.Block, Grid)
	steps := []func(){
		func() { p.units(max(o.Channels, 1)) },
		p.connect, p.values, p.latencies, p.oversample, p.order, p.userStages,
	}
	for _, step := range steps {
		step()
		if err := p.err(); err != nil {
			return nil, err
		}
	}
	for i, l := range p.Links {
		l.Index, l.Back = i, l.R
		if p.Frames > 0 {
			l.Back = min(l.R, p.Frames+p.Latency)
		}
	}
	return p, nil
}

// Param returns the parameter of a node, nil when there is none.
func (p *Plan) Param(node, name string) *Param {
	if u := p.Unit(node); u != nil {
		return u.Param(name)
	}
	return nil
}

// Param returns a parameter of the unit, nil when it has none of that name.
func (u *Unit) Param(name string) *Param {
	for _, q := range u.Params {
		if q.Name == name {
			return q
		}
	}
	return nil
}

// Unit returns the unit of a node, nil when there is none.
func (p *Plan) Unit(node string) *Unit {
	for _, u := range p.Units {
		if u.Name == node {
			return u
		}
	}
	return nil
}
