package adjoint

import (
	"fmt"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/graph/run"
)

// Direction is a change of parameters and input, along which a tangent runs.
type Direction struct {
	Params map[*Param][]float64 // like Param.Values
	Input  [][]float64          // like the dry input; nil for none
}

// Exact reports whether every unit has a tangent kernel, and names those that
// have not.
func (m *Model) tangentless() []string {
	var names []string
	for _, x := range m.Run.Execs {
		if x.Type.Tangent == nil && !x.Type.External {
			names = append(names, x.Unit.Name)
		}
	}
	return names
}

// Tangent runs forward with tangents and returns the derivative of Output
// along d, batches × channels × frames. It is exact where every node type has
// a tangent kernel; otherwise the error names the nodes that have none.
func (m *Model) Tangent(d Direction) ([]float64, error) {
	if names := m.tangentless(); len(names) > 0 {
		return nil, fmt.Errorf("adjoint: no tangent kernel for %v", names)
	}
	m.wireTangents(d)
	t := m.tangentRun(d)
	m.Run.Reset()
	m.rendered = false // the tape is not what Rewind expects
	for k := 0; k+1 < len(m.bounds); k++ {
		t.segment(k)
	}
	return t.out, nil
}

// wireTangents reserves the memory of tangents and writes those of the
// parameters.
func (m *Model) wireTangents(d Direction) {
	if m.tangent == nil {
		m.tangent = m.Run.WireTangents()
	}
	clear(m.tangent)
	for p, v := range d.Params {
		if p.Spec == nil {
			continue // heat does not reach the output
		}
		x := m.index[p.Node]
		k, n := p.Spec.Index, p.Spec.Len
		perBatch := x.Unit.Lanes / m.Plan.Batches
		for lane := range x.Unit.Lanes {
			at := 0
			if len(v) > n {
				at = lane / perBatch * n
			}
			copy(m.tangent[x.Param[k]+lane*n:][:n], v[at:at+n])
		}
	}
}

type tangentRun struct {
	*Model
	d    Direction
	out  []float64   // derivative of Output
	rows [][]float64 // the same by channel
}

func (m *Model) tangentRun(d Direction) tangentRun {
	out := make([]float64, len(m.Output))
	return tangentRun{Model: m, d: d, out: out, rows: split(out, m.options.Frames)}
}

// segment renders one segment with tangents. The tangent rows keep no history
// across segments of their own accord, so it is moved like the primal's.
func (t tangentRun) segment(k int) {
	r := t.Run
	start, end := t.bounds[k], t.bounds[k+1]
	r.BeginSegment(t.tangent)
	for at, index := start, 0; at < end; index++ {
		next := min(r.NextBlock(at), end)
		t.block(at, int(next-at), index)
		at = next
	}
	r.EndSegment(end)
	r.CopyOut(t.Model.rows, t.skip)
	for i, row := range r.OutputRows() {
		if from := max(start, t.skip); from < end {
			lo := row.Base + int(from-start)
			copy(t.rows[i][from-t.skip:], t.tangent[lo:row.Base+int(end-start)])
		}
	}
}

// block renders the index-th block of a segment. The states before it, and in
// loops before each call, go where the tape keeps them, and those of the tangents
// to the same place in theirs.
func (t tangentRun) block(at int64, frames, index int) {
	r := t.Run
	r.BeginBlock(at)
	s := int(at - r.Start())
	for _, c := range t.Plan.Components {
		for _, u := range c.Units {
			x := r.Execs[u.Index]
			t.keep(x, x.Before+index*x.StateLen)
		}
		for call, done := 0, 0; done < frames; call, done = call+1, done+c.Block {
			n := min(c.Block, frames-done)
			for _, u := range c.Units {
				x := r.Execs[u.Index]
				before := x.Before + index*x.StateLen
				if c.Loop {
					before = x.SubCalls + call*x.StateLen
				}
				t.call(x, s+done, n, at+int64(done), before)
			}
		}
	}
}

// keep copies the states of a unit, and their tangents, to an offset.
func (t tangentRun) keep(x *run.Exec, to int) {
	for _, m := range [][]float64{t.Run.Mem.Primal, t.tangent} {
		copy(m[to:to+x.StateLen], m[x.State:x.State+x.StateLen])
	}
}

func (t tangentRun) call(x *run.Exec, s, frames int, at int64, before int) {
	r, u, mem := t.Run, x.Unit, t.Run.Mem.Primal
	t.keep(x, before)
	r.Call(x, s, frames, at, false)
	r.GatherInputs(t.tangent, x, s, frames)
	for k, q := range u.Params {
		if x.Mod[k] != nil {
			t.modulate(x, k, q, s, frames, at)
		}
	}
	x.BindTangent(t.tangent, s, frames, before)
	if u.Type.External {
		t.input(x, s, frames, at)
		return
	}
	x.BindBefore(mem, before)
	x.Type.Tangent(x.Block, x.Tangent)
}

func (t tangentRun) input(x *run.Exec, s, frames int, at int64) {
	per := len(x.Out[0]) / t.Plan.Batches
	for j, row := range x.Out[0] {
		y := t.tangent[row.Base+s : row.Base+s+frames]
		n := 0
		if len(t.d.Input) > 0 {
			if in := t.d.Input[min(j%per, len(t.d.Input)-1)]; at < int64(len(in)) {
				n = copy(y, in[at:])
			}
		}
		clear(y[n:])
	}
}

// modulate is the tangent of run.Run.modulate.
func (t tangentRun) modulate(x *run.Exec, k int, q *graph.Param, s, frames int, at int64) {
	u, mem := x.Unit, t.Run.Mem.Primal
	perBatch := u.Lanes / t.Plan.Batches
	for lane := range u.Lanes {
		batch, channel := lane/perBatch, lane%perBatch
		row := x.Mod[k][lane]
		base, dbase := mem[x.Param[k]+lane], t.tangent[x.Param[k]+lane]
		for n := range frames * u.Mult {
			p, dp := base, dbase
			for _, l := range q.Mods {
				if n < l.Hidden(at, frames, u.Mult) {
					continue
				}
				c := l.Pick(channel)
				v := t.Run.Source(mem, l, batch, c, s, frames)[n]
				dv := t.Run.Source(t.tangent, l, batch, c, s, frames)[n]
				switch l.Mode {
				case graph.Multiply:
					p, dp = p*(l.Scale*v), dp*l.Scale*v+p*l.Scale*dv
				case graph.Replace:
					p, dp = v, dv
				default:
					p, dp = p+float64(l.Scale*v), dp+l.Scale*dv
				}
			}
			if q.Scale != abi.Periodic && (p < q.Min || p > q.Max) {
				dp = 0
			}
			t.tangent[row.Base+s*row.Mult+n] = dp
		}
	}
}
