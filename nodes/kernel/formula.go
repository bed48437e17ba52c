package kernel

import (
	"math"
	"sync"

	"ampfit/abi"
)

// Formula is the recurrence of a node written once more, in numbers that know
// how they came about. From it follows what second derivatives need: the
// adjoint, and how the adjoint changes along a direction. It is slow, exact, and
// owes nothing to the kernels, so it checks them as well.
//
// Each number keeps its value v and its tangent v'. Walked in reverse, a step
// c = f(a, b) hands on
//
//	ā  += f_a c̄                  ā' += f_a c̄' + (f_a)' c̄
//
// where (f_a)' = f_aa a' + f_ab b' is the change of the slope along the direction.
//
// Source: A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., 2008, ch. 5
// (second-order adjoints).
type Formula struct {
	Block    *abi.Block // of the values
	Lane     int        // the one that the formula is called for
	t, d, dt *abi.Block // tangents, gradients, tangents of the gradients

	v, tan   []float64
	steps    []Step
	adj, adt []float64 // gradients by each number, and their tangents
	leaves   []leaf
	outs     []leaf
	after    []Number   // states after the call
	internal [][]Number // rows that the call writes
}

// Number is a number of a formula.
type Number int32

// Step says how a number depends on two others; -1 is none.
type Step struct {
	A, B               Number
	ByA, ByB           float64 // slopes by each
	TangentA, TangentB float64 // how the slopes change along the direction
}

// leaf is a number that the block holds: where it stands.
type leaf struct {
	n       Number
	kind    leafKind
	i, c, k int // row or parameter, channel of a row, element
}

type leafKind uint8

const (
	leafIn leafKind = iota
	leafParam
	leafVector
	leafState
	leafInternal
	leafOut
)

var formulas = sync.Pool{New: func() any { return new(Formula) }}

// Second makes the Second of a type from its formula, which is called for each
// lane of a block.
func Second(do func(f *Formula)) func(b, t, d, dt *abi.Block) {
	return func(b, t, d, dt *abi.Block) {
		f := formulas.Get().(*Formula)
		f.Block, f.t, f.d, f.dt = b, t, d, dt
		for lane := range b.Lanes {
			f.start(lane)
			do(f)
			f.reverse()
		}
		f.Block, f.t, f.d, f.dt = nil, nil, nil, nil
		formulas.Put(f)
	}
}

func (f *Formula) start(lane int) {
	f.Lane = lane
	f.v, f.tan, f.steps, f.leaves, f.outs, f.after = f.v[:0], f.tan[:0], f.steps[:0], f.leaves[:0], f.outs[:0], f.after[:0]
	f.internal = f.internal[:0]
	for i := range f.Block.Before(lane) {
		f.after = append(f.after, f.leaf(leafState, i, 0, f.Block.Before(lane)[i], f.t.Before(lane)[i]))
	}
}

// Value is that of a number.
func (f *Formula) Value(a Number) float64 { return f.v[a] }

// Tangent is how a number changes along the direction.
func (f *Formula) Tangent(a Number) float64 { return f.tan[a] }

// Push adds a number of value v and tangent tan, which depends on others as the step
// says.
func (f *Formula) Push(v, tan float64, s Step) Number {
	f.v, f.tan, f.steps = append(f.v, v), append(f.tan, tan), append(f.steps, s)
	return Number(len(f.v) - 1)
}

func (f *Formula) leaf(kind leafKind, i, k int, v, tan float64) Number {
	return f.leafOf(kind, i, 0, k, v, tan)
}

func (f *Formula) leafOf(kind leafKind, i, c, k int, v, tan float64) Number {
	n := f.Push(v, tan, Step{A: -1, B: -1})
	f.leaves = append(f.leaves, leaf{n, kind, i, c, k})
	return n
}

// What a formula reads and writes.

// Frames is how many frames the block has.
func (f *Formula) Frames() int { return f.Block.Frames }

// Const is a constant.
func (f *Formula) Const(v float64) Number { return f.Push(v, 0, Step{A: -1, B: -1}) }

// In is frame n of input row i.
func (f *Formula) In(i, n int) Number {
	return f.leaf(leafIn, i, n, f.Block.In(i, f.Lane)[n], f.t.In(i, f.Lane)[n])
}

// InCh is frame n of channel c of input port i of a coupled type.
func (f *Formula) InCh(i, c, n int) Number {
	return f.leafOf(leafIn, i, c, n, f.Block.InCh(i, c, f.Lane)[n], f.t.InCh(i, c, f.Lane)[n])
}

// Param returns scalar parameter i by frame; a held one is one number.
func (f *Formula) Param(i int) func(n int) Number {
	p, t := f.Block.Param(i, f.Lane), f.t.Param(i, f.Lane)
	if !p.Varies() {
		held := f.leaf(leafParam, i, 0, p.At(0), t.At(0))
		return func(int) Number { return held }
	}
	return func(n int) Number { return f.leaf(leafParam, i, n, p.At(n), t.At(n)) }
}

// Vector returns the elements of vector parameter i.
func (f *Formula) Vector(i int) []Number {
	p, t := f.Block.Vector(i, f.Lane), f.t.Vector(i, f.Lane)
	out := make([]Number, len(p))
	for k := range p {
		out[k] = f.leaf(leafVector, i, k, p[k], t[k])
	}
	return out
}

// State is what the state holds at this point of the formula.
func (f *Formula) State(i int) Number { return f.after[i] }

// SetState says what the state holds from here on.
func (f *Formula) SetState(i int, n Number) { f.after[i] = n }

// Out says what frame n of output row i is.
func (f *Formula) Out(i, n int, v Number) { f.OutCh(i, 0, n, v) }

// OutCh says what frame n of channel c of output port i of a coupled type is.
func (f *Formula) OutCh(i, c, n int, v Number) { f.outs = append(f.outs, leaf{v, leafOut, i, c, n}) }

// Row is element k of internal row i with its history in front.
func (f *Formula) Row(i, k int) Number {
	own := f.Block.Internal(i, f.Lane)
	if h := len(own) - f.Block.Frames; k >= h {
		return f.internal[i][k-h]
	}
	if k < 0 {
		return f.Const(0)
	}
	return f.leaf(leafInternal, i, k, own[k], f.t.Internal(i, f.Lane)[k])
}

// SetRow says what frame n of internal row i is; frames are written in order.
func (f *Formula) SetRow(i int, v Number) {
	for len(f.internal) <= i {
		f.internal = append(f.internal, nil)
	}
	f.internal[i] = append(f.internal[i], v)
}

// reverse walks the steps back and adds to the gradients of the block.
func (f *Formula) reverse() {
	f.adj, f.adt = zeroed(f.adj, len(f.v)), zeroed(f.adt, len(f.v))
	lane, d, dt := f.Lane, f.d, f.dt
	for _, o := range f.outs {
		f.adj[o.n] += d.OutCh(o.i, o.c, lane)[o.k]
		f.adt[o.n] += dt.OutCh(o.i, o.c, lane)[o.k]
	}
	for i, n := range f.after {
		f.adj[n] += d.State(lane)[i]
		f.adt[n] += dt.State(lane)[i]
	}
	for i, row := range f.internal {
		h := len(f.Block.Internal(i, lane)) - f.Block.Frames
		for k, n := range row {
			f.adj[n] += d.Internal(i, lane)[h+k]
			f.adt[n] += dt.Internal(i, lane)[h+k]
		}
	}
	for n := len(f.steps) - 1; n >= 0; n-- {
		s, g, gt := &f.steps[n], f.adj[n], f.adt[n]
		if s.A >= 0 {
			f.adj[s.A] += s.ByA * g
			f.adt[s.A] += s.ByA*gt + s.TangentA*g
		}
		if s.B >= 0 {
			f.adj[s.B] += s.ByB * g
			f.adt[s.B] += s.ByB*gt + s.TangentB*g
		}
	}
	clear(d.State(lane))
	clear(dt.State(lane))
	for _, l := range f.leaves {
		f.hand(l, f.adj[l.n], d)
		f.hand(l, f.adt[l.n], dt)
	}
}

func (f *Formula) hand(l leaf, g float64, d *abi.Block) {
	switch l.kind {
	case leafIn:
		d.InCh(l.i, l.c, f.Lane)[l.k] += g
	case leafParam:
		d.Param(l.i, f.Lane).Add(l.k, g)
	case leafVector:
		d.Vector(l.i, f.Lane)[l.k] += g
	case leafState:
		d.State(f.Lane)[l.i] += g
	case leafInternal:
		d.Internal(l.i, f.Lane)[l.k] += g
	}
}

func zeroed(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Arithmetic.

// Add is a + b.
func (f *Formula) Add(a, b Number) Number {
	return f.Push(f.v[a]+f.v[b], f.tan[a]+f.tan[b], Step{A: a, B: b, ByA: 1, ByB: 1})
}

// Sub is a - b.
func (f *Formula) Sub(a, b Number) Number {
	return f.Push(f.v[a]-f.v[b], f.tan[a]-f.tan[b], Step{A: a, B: b, ByA: 1, ByB: -1})
}

// Mul is a b.
func (f *Formula) Mul(a, b Number) Number {
	return f.Push(f.v[a]*f.v[b], f.tan[a]*f.v[b]+f.v[a]*f.tan[b], Step{A: a, B: b, ByA: f.v[b], ByB: f.v[a], TangentA: f.tan[b], TangentB: f.tan[a]})
}

// Div is a/b.
func (f *Formula) Div(a, b Number) Number { return f.Mul(a, f.Inv(b)) }

// Scale is c·a.
func (f *Formula) Scale(c float64, a Number) Number {
	return f.Push(c*f.v[a], c*f.tan[a], Step{A: a, B: -1, ByA: c})
}

// Shift is c + a.
func (f *Formula) Shift(c float64, a Number) Number {
	return f.Push(c+f.v[a], f.tan[a], Step{A: a, B: -1, ByA: 1})
}

// Sum adds numbers up, from the first on.
func (f *Formula) Sum(terms ...Number) Number {
	s := terms[0]
	for _, t := range terms[1:] {
		s = f.Add(s, t)
	}
	return s
}

// Apply is a function of a, given its value and its first and second slope there.
func (f *Formula) Apply(a Number, value, first, curve float64) Number {
	return f.Push(value, first*f.tan[a], Step{A: a, B: -1, ByA: first, TangentA: curve * f.tan[a]})
}

// Inv is 1/a.
func (f *Formula) Inv(a Number) Number {
	r := 1 / f.v[a]
	return f.Apply(a, r, -r*r, 2*r*r*r)
}

// Exp is e^a.
func (f *Formula) Exp(a Number) Number {
	e := math.Exp(f.v[a])
	return f.Apply(a, e, e, e)
}

// Sqrt is √a.
func (f *Formula) Sqrt(a Number) Number {
	r := math.Sqrt(f.v[a])
	return f.Apply(a, r, 0.5/r, -0.25/(r*r*r))
}

// Sin is sin a, a in radians.
func (f *Formula) Sin(a Number) Number {
	s, c := math.Sincos(f.v[a])
	return f.Apply(a, s, c, -s)
}

// Cos is cos a.
func (f *Formula) Cos(a Number) Number {
	s, c := math.Sincos(f.v[a])
	return f.Apply(a, c, -s, -c)
}

// Tan is tan a.
func (f *Formula) Tan(a Number) Number {
	t := math.Tan(f.v[a])
	return f.Apply(a, t, 1+t*t, 2*t*(1+t*t))
}

// Tanh is tanh a.
func (f *Formula) Tanh(a Number) Number {
	t := Tanh(f.v[a])
	return f.Apply(a, t, 1-t*t, -2*t*(1-t*t))
}

// SinTurn is sin(2π a).
func (f *Formula) SinTurn(a Number) Number { return f.Sin(f.Scale(2*math.Pi, a)) }

// Wave is a wave's value at a phase in cycles.
func (f *Formula) Wave(w Wave, phase Number) Number {
	if w == SineWave {
		return f.SinTurn(phase)
	}
	v, slope := w.At(Frac(f.v[phase]))
	return f.Apply(phase, v, slope, 0)
}

// Mix is (1 - m) a + m b.
func (f *Formula) Mix(m, a, b Number) Number { return f.Add(a, f.Mul(m, f.Sub(b, a))) }

// Factor is 10^(a/20).
func (f *Formula) Factor(a Number) Number { return f.Exp(f.Scale(Decibels, a)) }

// LevelFormula is the formula of a source that a first parameter in dB scales: its
// output is known, and all that depends on the parameter.
func LevelFormula(f *Formula) {
	level := f.Param(0)(0)
	gain := f.Factor(level)
	for n := range f.Frames() {
		f.Out(0, n, f.Scale(f.Block.Out(0, f.Lane)[n]/f.v[gain], gain))
	}
}
