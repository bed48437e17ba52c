package nodes

import (
	"math"
	"sync"

	"ampfit/abi"
)

// A formula is the recurrence of a node written once more, in numbers that know
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
type formula struct {
	b, t, d, dt *abi.Block // values, tangents, gradients, tangents of the gradients
	lane        int

	v, tan   []float64
	steps    []step
	adj, adt []float64 // gradients by each number, and their tangents
	leaves   []leaf
	outs     []leaf
	after    []num   // states after the call
	internal [][]num // rows that the call writes
}

// num is a number of a formula.
type num int32

// step says how a number depends on two others: slopes, and their tangents.
type step struct {
	a, b           num
	pa, pb, ta, tb float64
}

// leaf is a number that the block holds: where it stands.
type leaf struct {
	n       num
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

var formulas = sync.Pool{New: func() any { return new(formula) }}

// second makes the Second of a type from its formula, which is called for each
// lane.
func second(do func(f *formula)) func(b, t, d, dt *abi.Block) {
	return func(b, t, d, dt *abi.Block) {
		f := formulas.Get().(*formula)
		f.b, f.t, f.d, f.dt = b, t, d, dt
		for lane := range b.Lanes {
			f.start(lane)
			do(f)
			f.reverse()
		}
		f.b, f.t, f.d, f.dt = nil, nil, nil, nil
		formulas.Put(f)
	}
}

func (f *formula) start(lane int) {
	f.lane = lane
	f.v, f.tan, f.steps, f.leaves, f.outs, f.after = f.v[:0], f.tan[:0], f.steps[:0], f.leaves[:0], f.outs[:0], f.after[:0]
	f.internal = f.internal[:0]
	for i := range f.b.Before(lane) {
		f.after = append(f.after, f.leaf(leafState, i, 0, f.b.Before(lane)[i], f.t.Before(lane)[i]))
	}
}

// value and tangent are those of a number.
func (f *formula) value(a num) float64   { return f.v[a] }
func (f *formula) tangent(a num) float64 { return f.tan[a] }

// push adds a number that depends on others as the step says.
func (f *formula) push(v, tan float64, s step) num {
	f.v, f.tan, f.steps = append(f.v, v), append(f.tan, tan), append(f.steps, s)
	return num(len(f.v) - 1)
}

func (f *formula) leaf(kind leafKind, i, k int, v, tan float64) num {
	return f.leafOf(kind, i, 0, k, v, tan)
}

func (f *formula) leafOf(kind leafKind, i, c, k int, v, tan float64) num {
	n := f.push(v, tan, step{a: -1, b: -1})
	f.leaves = append(f.leaves, leaf{n, kind, i, c, k})
	return n
}

// What a formula reads and writes.

func (f *formula) frames() int { return f.b.Frames }

// number is a constant.
func (f *formula) number(v float64) num { return f.push(v, 0, step{a: -1, b: -1}) }

// x is frame n of input row i.
func (f *formula) x(i, n int) num {
	return f.leaf(leafIn, i, n, f.b.In(i, f.lane)[n], f.t.In(i, f.lane)[n])
}

// xc is frame n of channel c of input port i of a coupled type.
func (f *formula) xc(i, c, n int) num {
	return f.leafOf(leafIn, i, c, n, f.b.InCh(i, c, f.lane)[n], f.t.InCh(i, c, f.lane)[n])
}

// param returns scalar parameter i by frame; a held one is one number.
func (f *formula) param(i int) func(n int) num {
	p, t := f.b.Param(i, f.lane), f.t.Param(i, f.lane)
	if !p.Varies() {
		held := f.leaf(leafParam, i, 0, p.At(0), t.At(0))
		return func(int) num { return held }
	}
	return func(n int) num { return f.leaf(leafParam, i, n, p.At(n), t.At(n)) }
}

// vector returns the elements of vector parameter i.
func (f *formula) vector(i int) []num {
	p, t := f.b.Vector(i, f.lane), f.t.Vector(i, f.lane)
	out := make([]num, len(p))
	for k := range p {
		out[k] = f.leaf(leafVector, i, k, p[k], t[k])
	}
	return out
}

// state is what the state holds at this point of the formula.
func (f *formula) state(i int) num { return f.after[i] }

func (f *formula) setState(i int, n num) { f.after[i] = n }

// y says what frame n of output row i is.
func (f *formula) y(i, n int, v num) { f.yc(i, 0, n, v) }

// yc says what frame n of channel c of output port i of a coupled type is.
func (f *formula) yc(i, c, n int, v num) { f.outs = append(f.outs, leaf{v, leafOut, i, c, n}) }

// row is element k of internal row i with its history in front.
func (f *formula) row(i, k int) num {
	own := f.b.Internal(i, f.lane)
	if h := len(own) - f.b.Frames; k >= h {
		return f.internal[i][k-h]
	}
	if k < 0 {
		return f.number(0)
	}
	return f.leaf(leafInternal, i, k, own[k], f.t.Internal(i, f.lane)[k])
}

// setRow says what frame n of internal row i is; frames are written in order.
func (f *formula) setRow(i int, v num) {
	for len(f.internal) <= i {
		f.internal = append(f.internal, nil)
	}
	f.internal[i] = append(f.internal[i], v)
}

// reverse walks the steps back and adds to the gradients of the block.
func (f *formula) reverse() {
	f.adj, f.adt = zeroed(f.adj, len(f.v)), zeroed(f.adt, len(f.v))
	lane, d, dt := f.lane, f.d, f.dt
	for _, o := range f.outs {
		f.adj[o.n] += d.OutCh(o.i, o.c, lane)[o.k]
		f.adt[o.n] += dt.OutCh(o.i, o.c, lane)[o.k]
	}
	for i, n := range f.after {
		f.adj[n] += d.State(lane)[i]
		f.adt[n] += dt.State(lane)[i]
	}
	for i, row := range f.internal {
		h := len(f.b.Internal(i, lane)) - f.b.Frames
		for k, n := range row {
			f.adj[n] += d.Internal(i, lane)[h+k]
			f.adt[n] += dt.Internal(i, lane)[h+k]
		}
	}
	for n := len(f.steps) - 1; n >= 0; n-- {
		s, g, gt := &f.steps[n], f.adj[n], f.adt[n]
		if s.a >= 0 {
			f.adj[s.a] += s.pa * g
			f.adt[s.a] += s.pa*gt + s.ta*g
		}
		if s.b >= 0 {
			f.adj[s.b] += s.pb * g
			f.adt[s.b] += s.pb*gt + s.tb*g
		}
	}
	clear(d.State(lane))
	clear(dt.State(lane))
	for _, l := range f.leaves {
		f.hand(l, f.adj[l.n], d)
		f.hand(l, f.adt[l.n], dt)
	}
}

func (f *formula) hand(l leaf, g float64, d *abi.Block) {
	switch l.kind {
	case leafIn:
		d.InCh(l.i, l.c, f.lane)[l.k] += g
	case leafParam:
		d.Param(l.i, f.lane).Add(l.k, g)
	case leafVector:
		d.Vector(l.i, f.lane)[l.k] += g
	case leafState:
		d.State(f.lane)[l.i] += g
	case leafInternal:
		d.Internal(l.i, f.lane)[l.k] += g
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

func (f *formula) add(a, b num) num {
	return f.push(f.v[a]+f.v[b], f.tan[a]+f.tan[b], step{a: a, b: b, pa: 1, pb: 1})
}

func (f *formula) sub(a, b num) num {
	return f.push(f.v[a]-f.v[b], f.tan[a]-f.tan[b], step{a: a, b: b, pa: 1, pb: -1})
}

func (f *formula) mul(a, b num) num {
	return f.push(f.v[a]*f.v[b], f.tan[a]*f.v[b]+f.v[a]*f.tan[b], step{a: a, b: b, pa: f.v[b], pb: f.v[a], ta: f.tan[b], tb: f.tan[a]})
}

func (f *formula) div(a, b num) num { return f.mul(a, f.inv(b)) }

// scale is c·a, and shift c + a.
func (f *formula) scale(c float64, a num) num {
	return f.push(c*f.v[a], c*f.tan[a], step{a: a, b: -1, pa: c})
}

func (f *formula) shift(c float64, a num) num {
	return f.push(c+f.v[a], f.tan[a], step{a: a, b: -1, pa: 1})
}

// sum adds numbers up.
func (f *formula) sum(terms ...num) num {
	s := terms[0]
	for _, t := range terms[1:] {
		s = f.add(s, t)
	}
	return s
}

// of is a function of a, given its value and its first and second slope there.
func (f *formula) of(a num, value, first, curve float64) num {
	return f.push(value, first*f.tan[a], step{a: a, b: -1, pa: first, ta: curve * f.tan[a]})
}

func (f *formula) inv(a num) num {
	r := 1 / f.v[a]
	return f.of(a, r, -r*r, 2*r*r*r)
}

func (f *formula) exp(a num) num {
	e := math.Exp(f.v[a])
	return f.of(a, e, e, e)
}

func (f *formula) sqrt(a num) num {
	r := math.Sqrt(f.v[a])
	return f.of(a, r, 0.5/r, -0.25/(r*r*r))
}

func (f *formula) sin(a num) num {
	s, c := math.Sincos(f.v[a])
	return f.of(a, s, c, -s)
}

func (f *formula) cos(a num) num {
	s, c := math.Sincos(f.v[a])
	return f.of(a, c, -s, -c)
}

// tanOf is tan a.
func (f *formula) tanOf(a num) num {
	t := math.Tan(f.v[a])
	return f.of(a, t, 1+t*t, 2*t*(1+t*t))
}

func (f *formula) tanh(a num) num {
	t := tanhOf(f.v[a])
	return f.of(a, t, 1-t*t, -2*t*(1-t*t))
}

// turn is sin(2π a).
func (f *formula) turn(a num) num { return f.sin(f.scale(2*math.Pi, a)) }

// wave is a wave's value at a phase.
func (f *formula) wave(w wave, phase num) num {
	if w == sineWave {
		return f.turn(phase)
	}
	v, slope := w.at(frac(f.v[phase]))
	return f.of(phase, v, slope, 0)
}

// mixed is (1 - m) a + m b.
func (f *formula) mixed(m, a, b num) num { return f.add(a, f.mul(m, f.sub(b, a))) }

// factor is 10^(a/20).
func (f *formula) factor(a num) num { return f.exp(f.scale(decibels, a)) }

// levelFormula is a source that a first parameter in dB scales: its output is
// known, and all that depends on the parameter.
func levelFormula(f *formula) {
	level := f.param(0)(0)
	gain := f.factor(level)
	for n := range f.frames() {
		f.y(0, n, f.scale(f.b.Out(0, f.lane)[n]/f.v[gain], gain))
	}
}
