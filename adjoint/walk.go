package adjoint

import (
	"math"
	"time"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/vec"
)

// walker walks the steps of a rendered segment back.
type walker struct {
	Run  *run.Run
	Plan *graph.Plan

	weights map[string]float64 // of heat in the loss, by node
	seeds   []seed
	seeded  []bool        // by unit: the loss adds to its outputs
	heated  []bool        // by unit: the loss contains its heat, by the runtime's own rule
	mods    [][]modulator // scratch, by unit
	collect [][]run.Route // by unit: what completes ȳ
	scatter [][]run.Route // by unit: where x̄ of gathered ports goes
	job     func(*run.Job)
	step    func([]run.Job)
}

// seed is the gradient of the loss by the rows of an output.
type seed struct {
	port *graph.OutPort
	rows [][]float64
	at   int64 // absolute frame of their first element
}

// add adds what the seed has for the frames of dy, which begin at an absolute
// frame.
func (s *seed) add(dy []float64, row int, at int64) {
	g := s.rows[row]
	first := max(s.at-at, 0)
	from := at + first - s.at
	if from >= int64(len(g)) || first >= int64(len(dy)) {
		return
	}
	dy = dy[first:]
	g = g[from:min(from+int64(len(dy)), int64(len(g)))]
	vec.Add(dy[:len(g)], g)
}

func newWalker(r *run.Run, weights map[string]float64) *walker {
	n := len(r.Plan.Units)
	w := &walker{Run: r, Plan: r.Plan, weights: weights, seeded: make([]bool, n), mods: make([][]modulator, n)}
	for _, x := range r.Execs {
		w.collect = append(w.collect, r.Collect(x))
		w.scatter = append(w.scatter, r.Scatter(x))
		w.heated = append(w.heated, weights[x.Unit.Name] != 0 && !x.Unit.Type.OwnHeat && x.Unit.Filter == nil)
	}
	w.job = w.reverse
	w.step = func(jobs []run.Job) {
		low := math.MaxInt
		for i := range jobs {
			for k := range jobs[i].Spans {
				low = min(low, jobs[i].Spans[k].S)
			}
		}
		r.OpenDuals(low)
		r.Each(jobs, w.job)
	}
	return w
}

// segment walks [start, end), which the rows hold. The duals behind it are
// those that the segment after left.
func (w *walker) segment(start, end int64) {
	clear(w.seeded)
	for i := range w.seeds {
		w.seeded[w.seeds[i].port.Unit.Index] = true
	}
	w.Run.Work(func() { w.Run.Steps(start, end, true, w.step) })
}

// begin clears the duals and puts the weights of heat in.
func (w *walker) begin() {
	w.Run.ClearDuals()
	for _, x := range w.Run.Execs {
		if weight := w.weights[x.Unit.Name]; weight != 0 && x.Unit.Filter == nil {
			for lane := range x.Unit.Lanes {
				w.Run.Mem.Dual[x.Heat+lane] = weight
			}
		}
	}
}

// reverse walks one job.
func (w *walker) reverse(j *run.Job) {
	if w.Run.Profiled() {
		defer w.Run.Clock(j, time.Now())
	}
	if j.Loop != nil {
		w.loop(j.Loop, j.Spans[0])
		return
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		w.gather(sp.Exec, sp.S, sp.Frames, sp.At)
		w.bind(sp.Exec, sp.S, sp.Frames, sp.At, sp.Exec.Before+sp.Index*sp.Exec.StateLen)
	}
	for rest := j.Spans; len(rest) > 0; {
		n := run.Together(rest)
		if u := rest[0].Exec.Unit; !u.Type.External && !u.NoAdjoint {
			b, d := run.BindTogether(rest[:n])
			kernel(rest[0].Exec, b, d)
		}
		rest = rest[n:]
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		w.handOn(sp.Exec, sp.S, sp.Frames, sp.At)
	}
}

// kernel calls the adjoint kernel of a unit.
func kernel(x *run.Exec, b, d *abi.Block) {
	if x.Type.CohortBackward != nil {
		x.Type.CohortBackward(b, d)
	} else {
		x.Type.Backward(b, d)
	}
}

// loop walks one block of a feedback component, call by call. The states before
// every call are on the tape, or are found by playing the block again from
// those before it.
func (w *walker) loop(c *graph.Component, sp run.Span) {
	r := w.Run
	perBlock, kept := r.KeepsCalls(c)
	first := 0
	calls := (sp.Frames + c.Block - 1) / c.Block
	if kept {
		first = sp.Index * perBlock
	} else {
		w.replay(c, sp)
	}
	for call := calls - 1; call >= 0; call-- {
		done := call * c.Block
		n := min(c.Block, sp.Frames-done)
		for i := len(c.Units) - 1; i >= 0; i-- {
			x := r.Execs[c.Units[i].Index]
			w.gather(x, sp.S+done, n, sp.At+int64(done))
			w.bind(x, sp.S+done, n, sp.At+int64(done), x.SubCalls+(first+call)*x.StateLen)
			if u := x.Unit; !u.Type.External && !u.NoAdjoint {
				kernel(x, x.Block, x.Dual)
			}
			w.handOn(x, sp.S+done, n, sp.At+int64(done))
		}
	}
}

// replay plays a block of a loop again, keeping the states before every call.
func (w *walker) replay(c *graph.Component, sp run.Span) {
	r := w.Run
	mem := r.Mem.Primal
	for _, u := range c.Units {
		x := r.Execs[u.Index]
		copy(mem[x.State:x.State+x.StateLen], mem[x.Before+sp.Index*x.StateLen:])
	}
	call := 0
	for done := 0; done < sp.Frames; done += c.Block {
		for _, u := range c.Units {
			x := r.Execs[u.Index]
			copy(mem[x.SubCalls+call*x.StateLen:], mem[x.State:x.State+x.StateLen])
			clamps := x.Clamps()
			r.Call(x, sp.S+done, min(c.Block, sp.Frames-done), sp.At+int64(done), false)
			x.ForgetClamps(clamps)
		}
		call++
	}
}

// gather completes the gradients of a unit's outputs: the readers that keep rows
// of their own, in file order, and the loss.
func (w *walker) gather(x *run.Exec, seg, frames int, at int64) {
	dual, index := w.Run.Mem.Dual, x.Unit.Index
	if routes := w.collect[index]; len(routes) > 0 {
		run.Move(dual, routes, seg, frames)
	}
	if !w.seeded[index] {
		return
	}
	for i, out := range x.Unit.Out {
		for k := range w.seeds {
			if w.seeds[k].port != out {
				continue
			}
			for j, row := range x.Out[i] {
				w.seeds[k].add(dual[row.Dual+seg*row.Mult:row.Dual+(seg+frames)*row.Mult], j, at)
			}
		}
	}
}

// bind points the blocks of a unit at a call, and adds what the loss wants of
// the unit's heat.
func (w *walker) bind(x *run.Exec, seg, frames int, at int64, before int) {
	r, u := w.Run, x.Unit
	if u.Type.External {
		if w.heated[u.Index] {
			w.heat(x, seg, frames)
		}
		return
	}
	if u.NoAdjoint {
		clear(r.Mem.Dual[x.State : x.State+x.StateLen])
		return
	}
	x.BindBack(r.Mem.Primal, r.Mem.Dual, seg, frames, at, before)
	if w.heated[u.Index] {
		w.heat(x, seg, frames)
	}
}

// handOn gives modulators and the links of gathered ports what the kernel
// found.
func (w *walker) handOn(x *run.Exec, seg, frames int, at int64) {
	r, u := w.Run, x.Unit
	if u.Type.External || u.NoAdjoint {
		return
	}
	if !x.Block.Held() {
		for k, q := range u.Params {
			if x.Mod[k] != nil {
				w.modulation(x, k, q, seg, frames, at)
			}
		}
	}
	if routes := w.scatter[u.Index]; len(routes) > 0 {
		run.Move(r.Mem.Dual, routes, seg, frames)
	}
}

// heat adds the gradient of | ‖x‖² − ‖y‖² | dt to inputs and outputs; at 0 the
// slope is 0.
func (w *walker) heat(x *run.Exec, seg, frames int) {
	r, u := w.Run, x.Unit
	perBatch := u.Lanes / w.Plan.Batches
	for b := range w.Plan.Batches {
		in, out := r.HeatRows(x, b, seg, frames, false)
		din, dout := r.HeatRows(x, b, seg, frames, true)
		slope := 2 * r.Mem.Dual[x.Heat+b*perBatch] / u.Rate
		for n := range frames * u.Mult {
			e := 0.0
			for _, row := range in {
				e += float64(row[n] * row[n])
			}
			for _, row := range out {
				e -= float64(row[n] * row[n])
			}
			if e == 0 {
				continue
			}
			g := slope
			if e < 0 {
				g = -slope
			}
			for i, row := range in {
				din[i][n] += g * row[n]
			}
			for i, row := range out {
				dout[i][n] -= g * row[n]
			}
		}
	}
}

// modulation walks the steps of run.Run.modulate back, each with the value
// before it.
func (w *walker) modulation(x *run.Exec, k int, q *graph.Param, seg, frames int, at int64) {
	r, u := w.Run, x.Unit
	mem, dual := r.Mem.Primal, r.Mem.Dual
	perBatch := u.Lanes / w.Plan.Batches
	for lane := range u.Lanes {
		batch, channel := lane/perBatch, lane%perBatch
		row := x.Mod[k][lane]
		dp := dual[row.Dual+seg*row.Mult : row.Dual+(seg+frames)*row.Mult]
		base := mem[x.Param[k]+lane]
		mods := w.mods[u.Index][:0]
		for _, l := range q.Mods {
			j := batch*l.From.Channels + l.Pick(channel)
			from := r.LinkDual(l)[j]
			lo := (seg - l.Back) * from.Mult
			mods = append(mods, modulator{
				value: mem[from.Base+lo : from.Base+lo+len(dp)], dual: dual[from.Dual+lo : from.Dual+lo+len(dp)],
				hidden: l.Hidden(at, frames, u.Mult), scale: l.Scale, mode: l.Mode,
			})
		}
		w.mods[u.Index] = mods
		if inside(mem[row.Base+seg*row.Mult:][:len(dp)], mods, q) {
			for i := range mods {
				if m := &mods[i]; m.hidden < len(dp) {
					vec.AddScaled(m.dual[m.hidden:], m.scale, dp[m.hidden:])
				}
			}
			dual[x.Param[k]+lane] += vec.Sum(dp)
			continue
		}
		sum := 0.0
		for n := len(dp) - 1; n >= 0; n-- {
			sum += through(mods, n, base, dp[n], q)
		}
		dual[x.Param[k]+lane] += sum
	}
}

// modulator is one modulation link over the frames of a call.
type modulator struct {
	value, dual []float64
	hidden      int
	scale       float64
	mode        graph.Mode
	before      float64 // the parameter before this step, at the frame at hand
}

// inside reports whether all modulators are added to a parameter and none of its
// effective values stands at a bound: then each takes its share of the gradient.
func inside(effective []float64, mods []modulator, q *graph.Param) bool {
	for i := range mods {
		if mods[i].mode != graph.Add {
			return false
		}
	}
	if q.Scale == abi.Periodic {
		return true
	}
	lo, hi := q.Min, q.Max
	for _, p := range effective {
		if !(p > lo && p < hi) {
			return false
		}
	}
	return true
}

// through carries the gradient g of the effective value at frame n back through
// clamp and modulators, and returns the gradient of the base value. Outside the
// range the slope is 0, on the bound 1.
func through(mods []modulator, n int, base, g float64, q *graph.Param) float64 {
	p := base
	for i := range mods {
		m := &mods[i]
		m.before = p
		switch {
		case n < m.hidden:
		case m.mode == graph.Multiply:
			p *= m.scale * m.value[n]
		case m.mode == graph.Replace:
			p = m.value[n]
		default:
			p += float64(m.scale * m.value[n])
		}
	}
	if q.Scale != abi.Periodic && (p < q.Min || p > q.Max) {
		return 0
	}
	for i := len(mods) - 1; i >= 0; i-- {
		m := &mods[i]
		switch {
		case n < m.hidden:
		case m.mode == graph.Multiply:
			m.dual[n] += g * m.scale * m.before
			g *= m.scale * m.value[n]
		case m.mode == graph.Replace:
			m.dual[n] += g
			g = 0
		default:
			m.dual[n] += g * m.scale
		}
	}
	return g
}
