package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ampfit/abi"
)

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
	return slices.ContainsFunc(p.Units, func(u *Unit) bool { return u.Setup == nil })
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
	s.Node, s.Channels, s.Config, s.Memory = n.Name, counts, n.Config, p.memory
	s.FirstOnly = n.FirstOnly
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
