package graph

import (
	"fmt"

	"ampfit/abi"
)

// oversample puts resampling filters around the nodes that run at a multiple
// of the graph's rate: one upsampler for each connected input port and each
// modulation link, one downsampler for each output.
//
//	    ┌─────┐   r × rate   ┌──────┐   r × rate   ┌──────┐
//	──► │ up  │ ───────────► │ node │ ───────────► │ down │ ──►
//	    └─────┘              └──────┘              └──────┘
//
// Both filters together are late by a whole number of graph frames, which
// counts as measured delay of the node.
func (p *Plan) oversample() {
	nodes := p.Units
	for _, u := range nodes {
		if u.Mult == 1 {
			continue
		}
		for _, in := range u.In {
			if len(in.Links) > 0 {
				p.upsampleInput(u, in)
			} else {
				in.Mult = u.Mult
			}
		}
		for _, q := range u.Params {
			for i, l := range q.Mods {
				p.upsampleModulator(u, q, i, l)
			}
		}
		for _, out := range u.Out {
			p.downsample(u, out)
		}
	}
}

func (p *Plan) upsampleInput(u *Unit, in *InPort) {
	up := p.filter(u, fmt.Sprintf("%s.%s ↑%d", u.Name, in.Name, u.Mult), true, in.linked(), 0)
	up.In[0].Links, up.In[0].Sum = in.Links, in.Sum
	for _, l := range in.Links {
		l.In = up.In[0]
	}
	l := &Link{From: up.Out[0], In: in, Channel: -1}
	up.Out[0].Readers = []*Link{l}
	in.Links = []*Link{l}
	p.Links = append(p.Links, l)
}

func (p *Plan) upsampleModulator(u *Unit, q *Param, i int, l *Link) {
	up := p.filter(u, fmt.Sprintf("%s.%s ↑%d", u.Name, q.Name, u.Mult), true, l.From.Channels, 0)
	inner := &Link{From: up.Out[0], Param: q, Channel: l.Channel, Mode: l.Mode, Scale: l.Scale, Skip: l.R}
	l.In, l.Param, l.Channel = up.In[0], nil, -1
	up.In[0].Links = []*Link{l}
	up.Out[0].Readers = []*Link{inner}
	q.Mods[i] = inner
	p.Links = append(p.Links, inner)
}

func (p *Plan) downsample(u *Unit, out *OutPort) {
	fraction := (u.Mult - u.Setup.Delay%u.Mult) % u.Mult // to a whole graph frame
	if u.Type.Advances && !u.connected() && u.Held() {
		fraction = 1 - u.Mult // the last of the frames that stand for one
	}
	down := p.filter(u, fmt.Sprintf("%s.%s ↓%d", u.Name, out.Name, u.Mult), false, out.Channels, fraction)
	down.Out[0].Readers, down.Out[0].Measured = out.Readers, out.Measured
	for _, l := range out.Readers {
		l.From = down.Out[0]
	}
	l := &Link{From: out, In: down.In[0], Channel: -1}
	out.Readers, out.Measured = []*Link{l}, 0
	down.In[0].Links = []*Link{l}
	p.Links = append(p.Links, l)
	if p.Output == out {
		p.Output = down.Out[0]
	}
}

// upsampler and downsampler are the types of resampling units; package run has
// their kernels.
var (
	upsampler   = &abi.NodeType{Name: "upsampler", Doc: "Raises the sample rate.", Inputs: []string{"in"}, Outputs: []string{"out"}}
	downsampler = &abi.NodeType{Name: "downsampler", Doc: "Lowers the sample rate.", Inputs: []string{"in"}, Outputs: []string{"out"}}
)

// filter appends a resampling unit of so many channels.
func (p *Plan) filter(of *Unit, name string, up bool, channels, extra int) *Unit {
	t := downsampler
	if up {
		t = upsampler
	}
	s := abi.NewSetup(t)
	s.Node, s.Rate = name, p.Rate
	u := &Unit{
		Index: len(p.Units), Node: of.Node, Name: name, Type: t, Setup: s, Rate: p.Rate, Mult: 1,
		Lanes: p.Batches * channels, Filter: &Filter{up, of.Mult, extra, p.quality},
	}
	in, out := &InPort{Unit: u, Name: "in", Channels: channels, Mult: 1}, &OutPort{Unit: u, Name: "out", Channels: channels, Mult: 1}
	if up {
		out.Mult = of.Mult
		s.InHistory = 2 * p.quality.Delay()
	} else {
		in.Mult = of.Mult
		s.InHistory = 2*p.quality.Delay()*of.Mult + extra // the taps before the newest
	}
	u.In, u.Out = []*InPort{in}, []*OutPort{out}
	p.Units = append(p.Units, u)
	return u
}
