package graph

import (
	"fmt"
	"sync"

	"ampfit/abi"
	"ampfit/internal/resample"
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
	up := p.filter(u, fmt.Sprintf("%s.%s ↑%d", u.Name, in.Name, u.Mult), upsampler, in.linked(), 0)
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
	up := p.filter(u, fmt.Sprintf("%s.%s ↑%d", u.Name, q.Name, u.Mult), upsampler, l.From.Channels, 0)
	inner := &Link{From: up.Out[0], Param: q, Channel: l.Channel, Mode: l.Mode, Scale: l.Scale, Skip: l.R}
	l.In, l.Param, l.Channel = up.In[0], nil, -1
	up.In[0].Links = []*Link{l}
	up.Out[0].Readers = []*Link{inner}
	q.Mods[i] = inner
	p.Links = append(p.Links, inner)
}

func (p *Plan) downsample(u *Unit, out *OutPort) {
	fraction := (u.Mult - u.Setup.Delay%u.Mult) % u.Mult // to a whole graph frame
	if u.Type.Advances && !u.connected() && !p.modulated(u) {
		fraction = 1 - u.Mult // the last of the frames that stand for one
	}
	down := p.filter(u, fmt.Sprintf("%s.%s ↓%d", u.Name, out.Name, u.Mult), downsampler, out.Channels, fraction)
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

// filter appends a resampling unit of so many channels.
func (p *Plan) filter(of *Unit, name string, t *abi.NodeType, channels, extra int) *Unit {
	s := abi.NewSetup(t)
	s.Node, s.Rate, s.Data = name, p.Rate, newRatio(of.Mult, extra, p.quality)
	u := &Unit{
		Index: len(p.Units), Node: of.Node, Name: name, Type: t, Setup: s, Rate: p.Rate, Mult: 1,
		Lanes: p.Batches * channels, Filter: true,
	}
	in, out := &InPort{Unit: u, Name: "in", Channels: channels, Mult: 1}, &OutPort{Unit: u, Name: "out", Channels: channels, Mult: 1}
	data := s.Data.(*ratio)
	if t == upsampler {
		out.Mult = of.Mult
		s.InHistory = 2 * p.quality.Delay()
	} else {
		in.Mult = of.Mult
		s.InHistory = len(data.taps) - 1 + extra
	}
	u.In, u.Out = []*InPort{in}, []*OutPort{out}
	p.Units = append(p.Units, u)
	return u
}

// ratio is the data of a resampling unit.
type ratio struct {
	r, extra int
	taps     []float64   // at the higher rate
	phases   [][]float64 // of the upsampler, each reversed: oldest frame first
}

var designs sync.Map // ratio and quality → taps

type design struct {
	ratio   int
	quality resample.Quality
}

func newRatio(r, extra int, q resample.Quality) *ratio {
	taps, ok := designs.Load(design{r, q})
	if !ok {
		taps, _ = designs.LoadOrStore(design{r, q}, resample.Design(r, q))
	}
	d := &ratio{r: r, extra: extra, taps: taps.([]float64)}
	depth := 2*q.Delay() + 1
	d.phases = make([][]float64, r)
	for j := range d.phases {
		d.phases[j] = make([]float64, depth)
		for k := range depth {
			if i := k*r + j; i < len(d.taps) {
				d.phases[j][depth-1-k] = float64(r) * d.taps[i]
			}
		}
	}
	return d
}

// upsampler is y[n·r+j] = r Σ_k h[k·r+j] x[n−k].
var upsampler = &abi.NodeType{
	Name: "upsampler", Doc: "Raises the sample rate by a polyphase linear-phase FIR filter.",
	Inputs: []string{"in"}, Outputs: []string{"out"},
	Forward: upForward, Backward: upBackward, Tangent: upTangent,
}

// downsampler is y[n] = Σ_i h[i] x[n·r−extra−i].
var downsampler = &abi.NodeType{
	Name: "downsampler", Doc: "Lowers the sample rate by a polyphase linear-phase FIR filter.",
	Inputs: []string{"in"}, Outputs: []string{"out"},
	Forward: downForward, Backward: downBackward, Tangent: downTangent,
}

func upForward(b *abi.Block)      { up(b, b) }
func upTangent(_, t *abi.Block)   { up(t, t) }
func downForward(b *abi.Block)    { down(b, b) }
func downTangent(_, t *abi.Block) { down(t, t) }

func up(b, io *abi.Block) {
	d := b.Data.(*ratio)
	for lane := range io.Lanes {
		x, y := io.InPast(0, 0, lane), io.Out(0, lane)
		depth := len(d.phases[0])
		for n := 0; n*d.r < len(y); n++ {
			window := x[n : n+depth]
			for j, h := range d.phases {
				y[n*d.r+j] = dot(h, window)
			}
		}
	}
}

func upBackward(b, d *abi.Block) {
	r := b.Data.(*ratio)
	for lane := range b.Lanes {
		dx, dy := d.InPast(0, 0, lane), d.Out(0, lane)
		depth := len(r.phases[0])
		for n := len(dy)/r.r - 1; n >= 0; n-- {
			window := dx[n : n+depth]
			for j, h := range r.phases {
				axpy(window, dy[n*r.r+j], h)
			}
		}
	}
}

// The taps are symmetric, so the window needs no reversal.
func down(b, io *abi.Block) {
	d := b.Data.(*ratio)
	for lane := range io.Lanes {
		x, y := io.InPast(0, 0, lane), io.Out(0, lane)
		for n := range y {
			y[n] = dot(d.taps, x[n*d.r:])
		}
	}
}

func downBackward(b, d *abi.Block) {
	r := b.Data.(*ratio)
	for lane := range b.Lanes {
		dx, dy := d.InPast(0, 0, lane), d.Out(0, lane)
		for n := len(dy) - 1; n >= 0; n-- {
			axpy(dx[n*r.r:n*r.r+len(r.taps)], dy[n], r.taps)
		}
	}
}

// dot sums h·x over the length of h in four fixed chains.
func dot(h, x []float64) float64 {
	x = x[:len(h)]
	var a, b, c, d float64
	n := len(h) &^ 3
	for i := 0; i < n; i += 4 {
		a += float64(h[i] * x[i])
		b += float64(h[i+1] * x[i+1])
		c += float64(h[i+2] * x[i+2])
		d += float64(h[i+3] * x[i+3])
	}
	for i := n; i < len(h); i++ {
		a += float64(h[i] * x[i])
	}
	return (a + b) + (c + d)
}

// axpy adds s·h to y.
func axpy(y []float64, s float64, h []float64) {
	y = y[:len(h)]
	for i, v := range h {
		y[i] += float64(s * v)
	}
}
