package graph

import (
	"ampfit/abi"
	"ampfit/internal/resample"
	"slices"
)

// Unit is what one kernel runs: a node, or one of the resampling filters
// around an oversampled node.
type Unit struct {
	Index     int
	Node      *Node
	Name      string
	Type      *abi.NodeType
	Setup     *abi.Setup
	Rate      float64 // of the kernel
	Mult      int     // kernel frames per graph frame
	Lanes     int     // batches × channels, or batches
	NoAdjoint bool
	Filter    *Filter // of a resampling filter around its node; nil for the nodes
	In        []*InPort
	Out       []*OutPort
	Params    []*Param
	Component *Component

	Asked string // what Configure asked of the file, beyond the configuration
}

// Filter is what a unit does that changes the rate beside an oversampled node.
type Filter struct {
	Up      bool // from the graph's rate to the node's; false: back
	Ratio   int
	Extra   int // frames at the higher rate by which the way back is later still
	Quality resample.Quality
}

// OutPort is an output of a unit.
type OutPort struct {
	Unit     *Unit
	Index    int
	Name     string
	Channels int
	Mult     int
	Measured int // measured delay of the whole node, graph frames
	Readers  []*Link
}

// InPort is an audio input of a unit.
type InPort struct {
	Unit     *Unit
	Index    int
	Name     string
	Channels int // that the kernel sees
	Mult     int
	Links    []*Link
	Sum      bool
}

// Gathered reports whether the port has rows of its own, filled from its
// links: sums, and mono that feeds several channels.
func (p *InPort) Gathered() bool {
	if len(p.Links) == 0 {
		return false
	}
	return p.Sum && len(p.Links) > 1 || p.linked() != p.Channels
}

// linked is the number of channels that the links bring.
func (p *InPort) linked() int {
	n := 0
	for _, l := range p.Links {
		if p.Sum {
			n = max(n, l.Channels())
		} else {
			n += l.Channels()
		}
	}
	return n
}

// Link is an edge between units.
type Link struct {
	Edge  *Edge // nil inside an oversampled node
	From  *OutPort
	In    *InPort // of an audio link
	Param *Param  // of a modulation link
	R     int     // read offset, graph frames
	L     int     // latency
	// Back is how far back rows are read: R, or the length of the run where that is
	// shorter, as all that is read then lies before its first frame.
	Back    int
	Padding int // of synchrony gates, part of R
	Skip    int // graph frames before an upsampled modulator is visible
	Channel int // −1: all
	Mode    Mode
	Scale   float64

	Index int // in Plan.Links
}

// Channels returns how many channels the link carries.
func (l *Link) Channels() int {
	if l.Channel >= 0 {
		return 1
	}
	return l.From.Channels
}

// To returns the unit that reads the link.
func (l *Link) To() *Unit {
	if l.In != nil {
		return l.In.Unit
	}
	return l.Param.Of
}

// Param is a parameter of a unit.
type Param struct {
	abi.Param
	Of      *Unit
	Index   int
	Setting *Setting
	Value   []float64 // Len values, or batches × Len
	Mods    []*Link
}

// Component is a strongly connected part: one unit, or a feedback loop.
type Component struct {
	Index int
	Units []*Unit // in an order that holds within Block frames
	Loop  bool
	Block int // largest number of graph frames rendered at a time
	Stage int
}

// connected reports whether an edge brings audio to the unit.
func (u *Unit) connected() bool {
	return slices.ContainsFunc(u.In, func(in *InPort) bool { return len(in.Links) > 0 })
}

// Held reports that no edge modulates a parameter of the unit.
func (u *Unit) Held() bool {
	return !slices.ContainsFunc(u.Params, func(q *Param) bool { return len(q.Mods) > 0 })
}

// PortRows returns the rows that a lane has at each port.
func (u *Unit) PortRows() (in, out []int) {
	in, out = make([]int, len(u.In)), make([]int, len(u.Out))
	for i, port := range u.In {
		in[i] = 1
		if u.Setup.Coupled {
			in[i] = port.Channels
		}
	}
	for i, port := range u.Out {
		out[i] = 1
		if u.Setup.Coupled {
			out[i] = port.Channels
		}
	}
	return in, out
}

// UsesFile reports whether the configuration names a file.
func (u *Unit) UsesFile() bool {
	return slices.ContainsFunc(u.Type.Config, func(k abi.Key) bool { return k.Kind == abi.File && u.Node.Config.Has(k.Name) })
}

// Past is how far back a unit reads its input, in row frames: its kernel's own
// history, or the delay at which heat compares input and output.
// Refused reports whether the unit turned out to render nothing, and to have no
// adjoint, while it ran.
func (u *Unit) Refused() (forward, backward bool) {
	if r, ok := u.Setup.Data.(abi.Refuser); ok && u.Filter == nil {
		return r.Refused()
	}
	return false, false
}

func (in *InPort) Past() int { return max(in.Unit.Setup.InHistory, in.Unit.Setup.Delay) }

// Source finds where channel c of an input port comes from.
func (in *InPort) Source(c int) (*Link, int) {
	for _, l := range in.Links {
		n := l.Channels()
		if c < n && l.Channel >= 0 {
			return l, l.Channel
		}
		if c < n {
			return l, c
		}
		if !in.Sum {
			c -= n
		}
	}
	return nil, 0
}

// Heard is one producer channel that reaches a channel of an input port.
type Heard struct {
	Link    *Link
	Channel int
}

// Hear lists what each channel of a gathered port is the sum of, in file order.
// Mono feeds every channel.
func (in *InPort) Hear() [][]Heard {
	channels := make([][]Heard, in.Channels)
	for c := range channels {
		if !in.Sum {
			l, from := in.Source(min(c, in.linked()-1))
			channels[c] = []Heard{{l, from}}
			continue
		}
		for _, l := range in.Links {
			channels[c] = append(channels[c], Heard{l, l.Pick(c)})
		}
	}
	return channels
}

// Pick returns the producer's channel that a summing reader's channel c hears.
func (l *Link) Pick(c int) int {
	if l.Channel >= 0 {
		return l.Channel
	}
	return min(c, l.From.Channels-1)
}

// Hidden returns how many of the frames from the absolute frame at on come
// before the modulator of a link is visible, at the unit's rate.
func (l *Link) Hidden(at int64, frames, mult int) int {
	visible := int64(l.R + l.Skip)
	return int(min(max(visible-at, 0), int64(frames))) * mult
}

// Calls is how often a loop calls its units in a block of so many frames.
func (c *Component) Calls(frames int) int { return (frames + c.Block - 1) / c.Block }
