package abitest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"ampfit/abi"
)

// spec says what a run looks like before a node is configured for it.
type spec struct {
	rate            float64
	frames, batches int
	channels        []int // of each input port
	config          abi.Config
	given           map[string]bool
	lengths         map[string]int
	varies          map[string]bool // parameters with one value per frame
	audio           map[string]*abi.Audio
}

// rig is one configured node type and the lanes it runs over.
type rig struct {
	typ             *abi.NodeType
	set             *abi.Setup
	frames          int
	who             []identity
	inRows, outRows []int // rows per lane of each port
	varies          []bool
}

type identity struct{ batch, channel int }

func newRig(typ *abi.NodeType, s spec) (*rig, error) {
	set := abi.NewSetup(typ)
	set.Node, set.Rate, set.Frames, set.Channels = "node", s.rate, s.frames, s.channels
	set.Config = maps.Clone(s.config)
	if set.Config == nil {
		set.Config = abi.Config{}
	}
	for _, k := range typ.Config {
		if !set.Config.Has(k.Name) && k.Default != nil {
			set.Config[k.Name] = k.Default
		}
	}
	set.Given = func(name string) bool { return s.given[name] }
	set.Length = func(name string) int { return s.lengths[name] }
	set.Audio = func(path string) (*abi.Audio, error) {
		if a := s.audio[path]; a != nil {
			return a, nil
		}
		return nil, fmt.Errorf("no audio is staged as %q", path)
	}
	if err := set.Finish(typ); err != nil {
		return nil, err
	}
	r := &rig{typ: typ, set: set, frames: s.frames}
	for _, p := range set.Params {
		if s.varies[p.Name] && !p.Mod {
			return nil, fmt.Errorf("parameter %s cannot be modulated", p.Name)
		}
		r.varies = append(r.varies, s.varies[p.Name])
	}
	channels := slices.Max(append([]int{1}, set.OutChannels...))
	if set.Coupled {
		channels, r.inRows, r.outRows = 1, set.Channels[:len(set.Inputs)], set.OutChannels
	} else {
		r.inRows, r.outRows = slices.Repeat([]int{1}, len(set.Inputs)), slices.Repeat([]int{1}, len(set.Outputs))
	}
	for batch := range s.batches {
		for channel := range channels {
			r.who = append(r.who, identity{batch, channel})
		}
	}
	return r, nil
}

// only returns the rig with some of its lanes.
func (r *rig) only(lanes ...int) *rig {
	part := *r
	part.who = nil
	for _, l := range lanes {
		part.who = append(part.who, r.who[l])
	}
	return &part
}

// kernels returns the kernels a runtime uses: the fast ones where they exist.
func (r *rig) kernels() (forward func(*abi.Block), backward func(b, d *abi.Block)) {
	forward, backward = r.typ.Forward, r.typ.Backward
	if r.typ.CohortForward != nil {
		forward = r.typ.CohortForward
	}
	if r.typ.CohortBackward != nil {
		backward = r.typ.CohortBackward
	}
	return forward, backward
}

// vars are the independent variables of a run, a direction in their space, or
// a gradient.
type vars struct{ lanes []laneVars }

type laneVars struct {
	in, params [][]float64
	state      []float64
}

func (r *rig) zeros() *vars {
	v := &vars{make([]laneVars, len(r.who))}
	for l := range v.lanes {
		v.lanes[l] = laneVars{rows(sum(r.inRows), r.frames), r.params(), make([]float64, r.set.State)}
	}
	return v
}

// params is memory for the parameters of a lane.
func (r *rig) params() (all [][]float64) {
	for i, p := range r.set.Params {
		n := p.Len
		if r.varies[i] {
			n = r.frames
		}
		all = append(all, make([]float64, n))
	}
	return all
}

// only returns the variables of some lanes, sharing their memory.
func (v *vars) only(lanes ...int) *vars {
	part := &vars{}
	for _, l := range lanes {
		part.lanes = append(part.lanes, v.lanes[l])
	}
	return part
}

// slices returns all values, lane by lane, in an order that depends only on
// the shape.
func (v *vars) slices() [][]float64 {
	var all [][]float64
	for _, l := range v.lanes {
		all = append(all, l.in...)
		all = append(all, l.params...)
		all = append(all, l.state)
	}
	return all
}

// outs are the results of a run, a direction in their space, or the weights of
// a loss over them. Internal rows count as results: what frames after the run
// read of them reaches back as a gradient.
type outs struct{ lanes []laneOuts }

type laneOuts struct {
	out   [][]float64 // output rows, then internal rows
	state []float64
	heat  []float64
}

// only returns the results of some lanes, sharing their memory.
func (o *outs) only(lanes ...int) *outs {
	part := &outs{}
	for _, l := range lanes {
		part.lanes = append(part.lanes, o.lanes[l])
	}
	return part
}

func (o *outs) slices() [][]float64 {
	var all [][]float64
	for _, l := range o.lanes {
		all = append(all, l.out...)
		all = append(all, l.state, l.heat)
	}
	return all
}

// memory is all of one lane, for the whole run.
type memory struct {
	in, out, internal, record [][]float64 // with their history in front
	params                    [][]float64
	state, before             []float64
	coefs                     []float64
	scratch, frameScratch     []float64
	heat                      []float64
}

// trace is the memory of a run: primal, dual or tangent.
type trace struct {
	r      *rig
	mem    []memory
	block  *abi.Block
	lanes  []abi.Lane
	starts []int         // first frame of each block, and the end
	states [][][]float64 // before each block, by lane
}

func (r *rig) newTrace() *trace {
	t := &trace{r: r, mem: make([]memory, len(r.who)), lanes: make([]abi.Lane, len(r.who))}
	s := r.set
	t.block = abi.NewBlock(s.Rate, s.Data, r.inRows, r.outRows, !r.any())
	for l := range t.mem {
		m := &t.mem[l]
		m.in, m.out = rows(sum(r.inRows), s.InHistory+r.frames), rows(sum(r.outRows), r.frames)
		m.record = rows(s.Record, r.frames)
		for _, h := range s.Internal {
			m.internal = append(m.internal, make([]float64, h+r.frames))
		}
		m.state, m.before = make([]float64, s.State), make([]float64, s.State)
		m.coefs, m.scratch = make([]float64, s.Coefs), make([]float64, s.Scratch)
		m.frameScratch = make([]float64, s.FrameScratch*r.frames)
		m.params = r.params()
		if s := r.typ; s.OwnHeat {
			m.heat = make([]float64, 1)
		}
		a := &t.lanes[l]
		a.In, a.InPast = make([][]float64, len(m.in)), make([][]float64, len(m.in))
		a.Out, a.Internal, a.Record = make([][]float64, len(m.out)), make([][]float64, len(m.internal)), make([][]float64, len(m.record))
		a.Params = make([]abi.Values, len(m.params))
	}
	return t
}

// bind points lane l at the frames [at, at+n).
func (t *trace) bind(l, at, n int) {
	s, m, a := t.r.set, &t.mem[l], &t.lanes[l]
	a.Frame, a.Batch, a.Channel = int64(at), t.r.who[l].batch, t.r.who[l].channel
	for i, row := range m.in {
		a.InPast[i] = row[at : at+s.InHistory+n : at+s.InHistory+n]
		a.In[i] = a.InPast[i][s.InHistory:]
	}
	for i, row := range m.out {
		a.Out[i] = row[at : at+n : at+n]
	}
	for i, row := range m.internal {
		h := s.Internal[i]
		a.Internal[i] = row[at : at+h+n : at+h+n]
	}
	for i, row := range m.record {
		a.Record[i] = row[at : at+n : at+n]
	}
	for i, p := range m.params {
		if t.r.varies[i] {
			a.Params[i] = abi.FrameValues(p[at : at+n : at+n])
		} else {
			a.Params[i] = abi.HeldValues(p)
		}
	}
	a.State, a.Before, a.Coefs, a.Heat = m.state, m.before, m.coefs, m.heat
	garbage(m.scratch, m.frameScratch)
	a.Scratch, a.FrameScratch = m.scratch, m.frameScratch[:s.FrameScratch*n]
}

// bindAll binds every lane to the same frames.
func (t *trace) bindAll(at, n int) {
	for l := range t.mem {
		t.bind(l, at, n)
	}
	t.block.Bind(t.lanes, n)
}

// load fills the memory for the start of a run.
func (t *trace) load(v *vars) {
	s := t.r.set
	for l := range t.mem {
		m := &t.mem[l]
		for i := range m.in {
			clear(m.in[i])
		}
		garbage(m.out...)
		for i := range m.internal {
			clear(m.internal[i])
			garbage(m.internal[i][s.Internal[i]:])
		}
		garbage(m.record...)
		garbage(m.coefs)
		clear(m.heat)
	}
	t.vary(v)
	t.prepare()
}

// vary puts variables, or a direction, where a run reads them.
func (t *trace) vary(v *vars) {
	for l := range t.mem {
		m, from := &t.mem[l], &v.lanes[l]
		for i := range m.in {
			copy(m.in[i][t.r.set.InHistory:], from.in[i])
		}
		for i := range m.params {
			copy(m.params[i], from.params[i])
		}
		copy(m.state, from.state)
	}
}

// weigh puts the gradient of a loss where a run backward reads it.
func (t *trace) weigh(w *outs) {
	for l := range t.mem {
		m, from := &t.mem[l], &w.lanes[l]
		for i := range m.out {
			copy(m.out[i], from.out[i])
		}
		for i := range m.internal {
			copy(m.internal[i][t.r.set.Internal[i]:], from.out[len(m.out)+i])
		}
		copy(m.state, from.state)
		copy(m.heat, from.heat)
	}
}

// gradients copies what a dual trace holds for the variables.
func (t *trace) gradients() *vars {
	g := t.r.zeros()
	for l := range t.mem {
		for i := range t.mem[l].in {
			copy(g.lanes[l].in[i], t.mem[l].in[i][t.r.set.InHistory:])
		}
		for i := range t.mem[l].params {
			copy(g.lanes[l].params[i], t.mem[l].params[i])
		}
		copy(g.lanes[l].state, t.mem[l].state)
	}
	return g
}

func (t *trace) prepare() {
	if t.r.typ.Prepare != nil && t.block.Held() {
		for l := range t.mem {
			t.lanes[l].Coefs = t.mem[l].coefs
			for i, p := range t.mem[l].params {
				t.lanes[l].Params[i] = abi.HeldValues(p)
			}
			t.lanes[l].Batch, t.lanes[l].Channel = t.r.who[l].batch, t.r.who[l].channel
		}
		t.block.Bind(t.lanes, 1)
		t.r.typ.Prepare(t.block)
	}
}

// forward runs all lanes in blocks; sizes are used in turn, over and over.
func (t *trace) forward(v *vars, sizes []int, kernel func(*abi.Block)) {
	t.load(v)
	t.resume(0, sizes, kernel)
}

func (t *trace) resume(at int, sizes []int, kernel func(*abi.Block)) {
	t.starts, t.states = append(t.starts[:0], at), t.states[:0]
	for i := 0; at < t.r.frames; i++ {
		n := min(sizes[i%len(sizes)], t.r.frames-at)
		states := make([][]float64, len(t.mem))
		for l := range t.mem {
			states[l] = append([]float64(nil), t.mem[l].state...)
		}
		t.states = append(t.states, states)
		t.bindAll(at, n)
		kernel(t.block)
		at += n
		t.starts = append(t.starts, at)
	}
}

// outs copies the results of a forward or tangent run.
func (t *trace) outs() *outs {
	o := &outs{make([]laneOuts, len(t.mem))}
	for l := range t.mem {
		for _, row := range t.mem[l].out {
			o.lanes[l].out = append(o.lanes[l].out, append([]float64(nil), row...))
		}
		for i, row := range t.mem[l].internal {
			o.lanes[l].out = append(o.lanes[l].out, append([]float64(nil), row[t.r.set.Internal[i]:]...))
		}
		o.lanes[l].state = append([]float64(nil), t.mem[l].state...)
		o.lanes[l].heat = append([]float64(nil), t.mem[l].heat...)
	}
	return o
}

// backward walks the blocks of the forward run back, from the weights of the
// results. Gradients of inputs and parameters are added to what start holds,
// if it is not nil.
func (t *trace) backward(weights *outs, start *vars, kernel func(b, d *abi.Block)) *vars {
	d := t.r.newTrace()
	if start != nil {
		d.vary(start)
	}
	d.weigh(weights)
	for l := range d.mem {
		garbage(d.mem[l].coefs)
	}
	for k := len(t.states) - 1; k >= 0; k-- {
		t.pair(k, d)
		kernel(t.block, d.block)
	}
	return d.gradients()
}

// pair binds block k of the forward run and the same block of a dual or a
// tangent, which has no working memory of its own.
func (t *trace) pair(k int, d *trace) {
	for l := range t.mem {
		copy(t.mem[l].before, t.states[k][l])
		garbage(t.mem[l].state)
	}
	t.bindAll(t.starts[k], t.starts[k+1]-t.starts[k])
	d.bindAll(t.starts[k], t.starts[k+1]-t.starts[k])
	for l := range d.lanes {
		d.lanes[l].Scratch, d.lanes[l].FrameScratch, d.lanes[l].Coefs = nil, nil, nil
	}
}

// tangent pushes a direction forward along the blocks of the forward run.
func (t *trace) tangent(dir *vars) *outs {
	d := t.r.newTrace()
	d.vary(dir)
	for l := range d.mem {
		m := &d.mem[l]
		garbage(m.out...)
		for i := range m.internal {
			garbage(m.internal[i][t.r.set.Internal[i]:])
		}
	}
	for k := range t.states {
		t.pair(k, d)
		t.r.typ.Tangent(t.block, d.block)
	}
	return d.outs()
}

func rows(n, frames int) [][]float64 {
	r := make([][]float64, n)
	for i := range r {
		r[i] = make([]float64, frames)
	}
	return r
}

func sum(v []int) int {
	s := 0
	for _, x := range v {
		s += x
	}
	return s
}

// garbage fills memory that nobody may read.
func garbage(slices ...[]float64) {
	nan := math.NaN()
	for _, s := range slices {
		for i := range s {
			s[i] = nan
		}
	}
}
