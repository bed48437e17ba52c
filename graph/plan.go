package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
		Block: o.Block, audio: o.Audio, report: g.report(),
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

// units configures every node and solves the channel counts: the least
// solution, found by growing from nothing.
func (p *Plan) units(inputChannels int) {
	g := p.Graph
	for _, n := range g.Nodes {
		p.Units = append(p.Units, &Unit{
			Index: n.Index, Node: n, Name: n.Name, Type: n.Type, NoAdjoint: n.NoAdjoint || n.Type.Backward == nil && !n.Type.External,
			Rate: p.Rate * float64(n.Oversample), Mult: n.Oversample,
		})
	}
	p.into = make([][]*Edge, len(g.Nodes))
	for _, e := range g.Edges {
		p.into[e.Target.Node.Index] = append(p.into[e.Target.Node.Index], e)
	}
	faults := make([]error, len(g.Nodes))
	const tooMany = 4096
	for changed, lonely := true, false; changed; {
		changed = false
		for i, n := range g.Nodes {
			u := p.Units[i]
			counts := p.portChannels(n, lonely)
			if counts == nil || u.Setup != nil && slices.Equal(u.Setup.Channels, counts) {
				continue
			}
			for port, c := range counts {
				if c > tooMany {
					name := n.Type.Inputs[port]
					p.add(n.value, n.path, `the channels of %s.%s depend on themselves: each turn of the loop concatenates one more; add "gather": "sum" to %s, or a MixNode in the loop`, n.Name, name, n.Name)
					return
				}
			}
			changed, lonely = true, false
			u.Setup, u.Asked = p.setup(n, counts, inputChannels), ""
			faults[i] = u.Setup.Finish(n.Type)
		}
		if !changed && !lonely && p.anyUnset() {
			changed, lonely = true, true // a loop that nothing feeds: one channel
		}
	}
	if p.late = p.latest(); p.late > 0 { // the run is longer by what is cut off
		for i, n := range g.Nodes {
			u := p.Units[i]
			u.Setup, u.Asked = p.setup(n, u.Setup.Channels, inputChannels), ""
			faults[i] = u.Setup.Finish(n.Type)
		}
	}
	for i, err := range faults {
		u := p.Units[i]
		u.NoAdjoint = u.NoAdjoint || u.Setup.NoBackward
		p.configureFault(u, err)
	}
	if len(p.faults) == 0 {
		return
	}
	// Say at once what else is wrong with the values of the others.
	for i, u := range p.Units {
		if faults[i] != nil {
			continue
		}
		for k := range u.Setup.Params {
			p.value(&Param{Param: u.Setup.Params[k], Of: u, Setting: u.Node.Setting(u.Setup.Params[k].Name)})
		}
	}
}

// latest bounds the latency of the graph: all measured delays together.
func (p *Plan) latest() int {
	sum := 0
	for _, u := range p.Units {
		r := u.Node.Oversample
		sum += (u.Setup.Delay + r - 1) / r
		if r > 1 {
			sum += 2 * p.quality.Delay()
		}
	}
	return sum
}

func (p *Plan) anyUnset() bool {
	for _, u := range p.Units {
		if u.Setup == nil {
			return true
		}
	}
	return false
}

// portChannels returns the channels that arrive at each input port, nil while
// some are unknown.
func (p *Plan) portChannels(n *Node, lonely bool) []int {
	inputs := n.Type.Inputs
	if u := p.Units[n.Index]; u.Setup != nil {
		inputs = u.Setup.Inputs
	}
	counts := make([]int, len(inputs))
	linked := make([]bool, len(inputs))
	for _, e := range p.into[n.Index] {
		if e.Param != "" {
			continue
		}
		port := slices.Index(inputs, e.Target.Name)
		if port < 0 {
			continue // connect reports it
		}
		c := 0
		if src := p.Units[e.Source.Node.Index].Setup; src != nil {
			if out := slices.Index(src.Outputs, e.Source.Name); out >= 0 && out < len(src.OutChannels) {
				c = src.OutChannels[out]
			} else {
				c = 1
			}
			if e.Channel >= 0 {
				c = 1
			}
		}
		linked[port] = true
		if n.Sum {
			counts[port] = max(counts[port], c)
		} else {
			counts[port] += c
		}
	}
	for i := range counts {
		if counts[i] == 0 {
			if linked[i] && !lonely {
				return nil
			}
			counts[i] = 1
		}
	}
	return counts
}

func (p *Plan) setup(n *Node, counts []int, inputChannels int) *abi.Setup {
	s := abi.NewSetup(n.Type)
	s.Node, s.Channels, s.Config = n.Name, counts, n.Config
	s.Rate = p.Rate * float64(n.Oversample)
	if p.Frames > 0 {
		s.Frames = (p.Frames + p.late) * n.Oversample
	}
	u := p.Units[n.Index]
	s.Given = func(param string) bool {
		given := n.Setting(param) != nil
		for _, e := range p.into[n.Index] {
			given = given || e.Param == param
		}
		u.Asked += fmt.Sprint(param, given, ";")
		return given
	}
	s.Length = func(param string) int {
		length := 0
		if st := n.Setting(param); st != nil {
			length = len(st.Value)
		}
		u.Asked += fmt.Sprint(param, length, ";")
		return length
	}
	s.Connected = func(port string) bool {
		for _, e := range p.into[n.Index] {
			if e.Param == "" && e.Target.Name == port {
				return true
			}
		}
		return false
	}
	s.Audio = func(path string) (*abi.Audio, error) {
		if p.audio == nil {
			return nil, fmt.Errorf("no files can be read here (%s)", path)
		}
		return p.audio(p.Graph.resolve(path))
	}
	if n.Type.External {
		c := inputChannels
		if n.Config.Has("channels") && n.Config.Int("channels") > 0 {
			c = n.Config.Int("channels")
		}
		s.OutChannels = []int{c}
	}
	return s
}

// configureFault puts an error of Configure at its place in the file.
func (p *Plan) configureFault(u *Unit, err error) {
	if err == nil {
		return
	}
	at, path := u.Node.value, u.Node.path
	var placed *abi.Error
	if errors.As(err, &placed) && placed.Path != "" {
		path = join(path, placed.Path)
		for _, key := range strings.SplitN(placed.Path, ".", 2) {
			if v := at.Get(key); v != nil {
				at = v
			}
		}
	}
	p.add(at, path, "%s: %v", u.Type.Name, err)
}

// connect makes ports and links.
func (p *Plan) connect() {
	for _, u := range p.Units {
		s := u.Setup
		for i, name := range s.Inputs {
			u.In = append(u.In, &InPort{Unit: u, Index: i, Name: name, Channels: 1, Mult: u.Mult, Sum: u.Node.Sum})
		}
		for i, name := range s.Outputs {
			u.Out = append(u.Out, &OutPort{Unit: u, Index: i, Name: name, Channels: s.OutChannels[i], Mult: u.Mult})
		}
		for i := range s.Params {
			u.Params = append(u.Params, &Param{Param: s.Params[i], Of: u, Index: i, Setting: u.Node.Setting(s.Params[i].Name)})
		}
	}
	for _, e := range p.Graph.Edges {
		p.link(e)
	}
	out := p.Graph.Output
	u := p.Units[out.Node.Index]
	if i := slices.Index(u.Setup.Outputs, out.Name); i >= 0 {
		p.Output = u.Out[i]
	} else {
		p.add(p.Graph.tree.Get("output"), "output", "%s has no output %q; %s", u.Name, out.Name, hint(out.Name, u.Setup.Outputs))
	}
	if len(p.faults) > 0 {
		return
	}
	for _, u := range p.Units {
		p.channels(u)
	}
}

func (p *Plan) link(e *Edge) {
	src, dst := p.Units[e.Source.Node.Index], p.Units[e.Target.Node.Index]
	out := slices.Index(src.Setup.Outputs, e.Source.Name)
	if out < 0 {
		p.add(e.value.Get("source"), e.path+".source", "%s has no output %q; %s", src.Name, e.Source.Name, hint(e.Source.Name, src.Setup.Outputs))
		return
	}
	l := &Link{Edge: e, From: src.Out[out], Channel: e.Channel, Mode: e.Mode, Scale: e.Scale}
	if e.Channel >= l.From.Channels {
		p.add(e.value.Get("channel"), e.path+".channel", "%s.%s has %d channels, so channel %d does not exist; channels count from 0", src.Name, l.From.Name, l.From.Channels, e.Channel)
		return
	}
	target := e.value.Get("target")
	if e.Param != "" {
		for _, param := range dst.Params {
			if param.Name == e.Param {
				l.Param = param
				param.Mods = append(param.Mods, l)
			}
		}
		if l.Param == nil {
			p.add(target, e.path+".target", "this configuration of %s has no parameter %q", dst.Name, e.Param)
			return
		}
	} else {
		in := slices.Index(dst.Setup.Inputs, e.Target.Name)
		if in < 0 {
			if e.Target.Name == "" {
				p.add(target, e.path+".target", "%s has no audio input; %s", dst.Type.Name, modulatable(dst.Type))
			} else {
				all := append(append([]string(nil), dst.Setup.Inputs...), paramNames(dst.Type)...)
				p.add(target, e.path+".target", "%s has no input or parameter %q; %s", dst.Name, e.Target.Name, hint(e.Target.Name, all))
			}
			return
		}
		l.In = dst.In[in]
		l.In.Links = append(l.In.Links, l)
	}
	l.From.Readers = append(l.From.Readers, l)
	p.Links = append(p.Links, l)
}

// channels fixes what the kernel sees at each port and how many lanes it has.
func (p *Plan) channels(u *Unit) {
	if u.Setup.Coupled {
		for i, in := range u.In {
			in.Channels = u.Setup.Channels[i]
		}
		u.Lanes = p.Batches
		return
	}
	most := 1
	for _, in := range u.In {
		most = max(most, in.linked())
	}
	for _, out := range u.Out {
		if len(u.In) == 0 {
			most = max(most, out.Channels)
		}
	}
	for _, in := range u.In {
		c := in.linked()
		if len(in.Links) > 0 && c != most && c != 1 {
			l := in.Links[0]
			p.add(l.Edge.value, l.Edge.path, "%s brings %d channels to %s.%s, but %s works on %d channels at its other input; use a MixNode or MatrixNode to bring them together", l.From.Unit.Name, c, u.Name, in.Name, u.Name, most)
		}
		if in.Sum {
			for _, l := range in.Links {
				if k := l.Channels(); k != 1 && k != c {
					p.add(l.Edge.value, l.Edge.path, "%s has %d channels and cannot be summed with the %d channels at %s.%s; use a MixNode or MatrixNode to bring them together", l.From.Unit.Name, k, c, u.Name, in.Name)
				}
			}
		}
		in.Channels = most
	}
	for _, out := range u.Out {
		out.Channels = most
	}
	u.Lanes = p.Batches * most
}

// Param returns the parameter of a node, nil when there is none.
func (p *Plan) Param(node, name string) *Param {
	for _, u := range p.Units {
		if u.Name != node {
			continue
		}
		for _, q := range u.Params {
			if q.Name == name {
				return q
			}
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
