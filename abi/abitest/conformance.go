package abitest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"testing"

	"ampfit/abi"
)

// Conformance checks one node type for every value of its configuration, 1 and
// 3 channels, 2 batches, parameters at their default, near both bounds and
// between, held and modulated:
//
//   - results do not depend on the block size, on other lanes, on the frames
//     at which other lanes stand, or on a restart from a snapshot, bit for bit;
//   - a held parameter equals one modulated by a constant, to rounding;
//   - finite input and parameters in range, bounds included, give finite output;
//   - the adjoint agrees with differences and, where there is a tangent kernel,
//     ⟨Jv,w⟩ = ⟨v,Jᵀw⟩ to 1e-10; it adds to gradients that are not zero, and
//     does not depend on the block size but for rounding;
//   - cohort kernels equal the plain ones to rounding, and themselves at any
//     number of lanes bit for bit;
//   - a call allocates nothing; a declared delay is true; heat is ≥ 0.
//
// More configurations than the suite finds by itself can be given: sizes, and
// combinations. The key "compat" is left at its default: it reproduces recorded
// defects of another program, and those may break the promises. External types
// have no kernels to check.
func Conformance(t testing.TB, typ *abi.NodeType, more ...abi.Config) {
	t.Helper()
	if typ.External {
		return
	}
	c := checker{t: t, typ: typ, count: map[string]int{}}
	for i, v := range variants(typ, more) {
		full := i == 0 || !testing.Short()
		if full {
			c.promises(v)
		}
		c.derivatives(v, full)
		c.allocations(v)
		if full {
			c.delay(v)
		}
	}
	c.declarations()
}

// Gradient checks the adjoint (and tangent) of a registered node type, for
// every value of its configuration.
func Gradient(t testing.TB, name string, more ...abi.Config) {
	t.Helper()
	typ := abi.Lookup(name)
	if typ == nil {
		t.Fatalf("abitest: node type %q is not registered", name)
	}
	if typ.Backward == nil {
		t.Fatalf("abitest: %s has no adjoint", name)
	}
	c := checker{t: t, typ: typ, count: map[string]int{}}
	for _, v := range variants(typ, more) {
		c.derivatives(v, true)
	}
}

// variant is one configuration and the parameters that the file gives.
type variant struct {
	name   string
	config abi.Config
	given  map[string]bool
}

// soundFile is what configuration keys of kind File name in the suite.
const soundFile = "abitest.wav"

// variants lists the default configuration, every other value of each enum and
// bool on its own, and every parameter that exists only when it is given.
func variants(typ *abi.NodeType, more []abi.Config) []variant {
	base := abi.Config{}
	for _, k := range typ.Config {
		if k.Kind == abi.File {
			base[k.Name] = soundFile
		}
	}
	list := []variant{{"default", base, nil}}
	add := func(key string, value any) {
		c := maps.Clone(base)
		c[key] = value
		list = append(list, variant{fmt.Sprintf("%s=%v", key, value), c, nil})
	}
	for _, k := range typ.Config {
		if k.Name == "compat" {
			continue
		}
		for _, value := range k.Enum {
			if value != k.Default {
				add(k.Name, value)
			}
		}
		if k.Kind == abi.Bool {
			add(k.Name, k.Default != true)
		}
	}
	for _, c := range more {
		both := maps.Clone(base)
		maps.Copy(both, c)
		list = append(list, variant{fmt.Sprint(c), both, nil})
	}
	for _, v := range list {
		r, err := newRig(typ, v.spec(typ, 1, 1, nil))
		if err != nil {
			continue // reported where the variant is used
		}
		has := map[string]bool{}
		for _, p := range r.set.Params {
			has[p.Name] = true
		}
		for _, p := range typ.Params {
			if has[p.Name] || again.MatchString(p.Name) {
				continue
			}
			given := variant{v.name + ", " + p.Name + " given", v.config, map[string]bool{p.Name: true}}
			_, err := newRig(typ, given.spec(typ, 1, 1, nil))
			if refused := (*abi.Error)(nil); errors.As(err, &refused) && refused.Path == "params."+p.Name {
				continue // by the configuration, which says so
			}
			list = append(list, given)
		}
	}
	return list
}

func (v variant) spec(typ *abi.NodeType, channels, frames int, varies map[string]bool) spec {
	s := spec{rate: Rate, frames: frames, batches: 2, given: v.given, varies: varies, config: maps.Clone(v.config)}
	s.audio = map[string]*abi.Audio{soundFile: {Rate: Rate, Rows: [][]float64{Noise(150, 1), Noise(150, 2), Noise(150, 3)}}}
	for range typ.Inputs {
		s.channels = append(s.channels, channels)
	}
	if len(typ.Inputs) == 0 {
		for _, k := range typ.Config {
			if _, set := s.config[k.Name]; k.Name == "channels" && !set {
				s.config[k.Name] = float64(channels)
			}
		}
	}
	return s
}

// again matches the later ones of numbered parameters, which are like the first.
var again = regexp.MustCompile(`_([2-9]|[1-9][0-9]+)$`)

// checker reports the failures of one node type.
type checker struct {
	t     testing.TB
	typ   *abi.NodeType
	count map[string]int
}

// fail reports a failure of one check; after three of a kind the rest are
// left out, as they say the same.
func (c *checker) fail(check, where, format string, args ...any) {
	c.t.Helper()
	c.count[check]++
	if c.count[check] <= 3 {
		c.t.Errorf("%s: %s\n  in %s\n  %s", c.typ.Name, check, where, fmt.Sprintf(format, args...))
	}
}

// level is where in their range parameters stand.
type level int

const (
	atDefault level = iota
	nearMin
	nearMax
	between
	atMin
	atMax
)

func (l level) String() string {
	return [...]string{"default", "near the minimum", "near the maximum", "between", "at the minimum", "at the maximum"}[l]
}

// point is one place at which a configured node is checked.
type point struct {
	*rig
	name string
	v    *vars
	rng  *rand.Rand
	keep float64 // part of a direction's values that are not zero
}

// points sets a variant up with the given channels, at one level.
func (c *checker) at(v variant, channels, frames int, l level, modulated bool, seed uint64) (*point, bool) {
	probe, err := newRig(c.typ, v.spec(c.typ, channels, frames, nil))
	if err != nil {
		c.fail("Configure", v.name, "%v", err)
		return nil, false
	}
	varies := map[string]bool{}
	for _, p := range probe.set.Params {
		varies[p.Name] = p.Mod && modulated
	}
	r, err := newRig(c.typ, v.spec(c.typ, channels, frames, varies))
	if err != nil {
		c.fail("Configure", v.name, "%v", err)
		return nil, false
	}
	how := "held"
	if modulated {
		how = "modulated"
	}
	pt := &point{r, fmt.Sprintf("%s, %d channels, parameters %s, %s", v.name, channels, l, how), nil, rand.New(rand.NewPCG(seed, 7)), 1}
	pt.v = r.draw(pt.rng, l)
	return pt, true
}

// draw draws inputs, parameters at a level, and an initial state: one that the
// kernel itself reaches.
func (r *rig) draw(rng *rand.Rand, l level) *vars {
	v := r.zeros()
	for lane := range v.lanes {
		for _, row := range v.lanes[lane].in {
			for n := range row {
				row[n] = rng.NormFloat64()
			}
		}
		for i := range r.set.Params {
			p, values := &r.set.Params[i], v.lanes[lane].params[i]
			start := p.Start()
			wave := 2 * math.Pi * rng.Float64()
			speed := 0.02 + 0.1*rng.Float64()
			for n := range values {
				at := start[0]
				if !r.varies[i] {
					at = start[n]
				}
				x := place(p, at, l, rng, n > 0 && r.varies[i], values)
				if r.varies[i] && l < atMin {
					x = inside(p, x+0.05*unit(p, x)*math.Sin(wave+speed*float64(n)), 1e-4)
				}
				values[n] = x
			}
		}
	}
	if r.set.State > 0 {
		warm := r.newTrace()
		warm.forward(v, []int{r.frames/2 + 1, r.frames}, r.typ.Forward)
		for lane := range v.lanes {
			copy(v.lanes[lane].state, warm.states[len(warm.states)-1][lane])
		}
	}
	return v
}

// place returns a value of the parameter at a level. Differences need room on
// both sides, and a default may sit on a kink, so values are moved off a little.
func place(p *abi.Param, start float64, l level, rng *rand.Rand, again bool, values []float64) float64 {
	lo, hi := p.Min, p.Max
	if p.Scale == abi.Periodic {
		lo, hi = -1.3, 1.7
	}
	at := func(x float64) float64 { // x in [0, 1] over the range
		if p.Scale == abi.Log {
			low := max(lo, 1e-4*hi)
			return low * math.Pow(hi/low, x)
		}
		return lo + x*(hi-lo)
	}
	switch l {
	case atMin:
		return lo
	case atMax:
		return hi
	case nearMin:
		return at(0.005 * (1 + 0.2*once(rng, again)))
	case nearMax:
		return at(1 - 0.005*(1+0.2*once(rng, again)))
	case between:
		if again {
			return values[0]
		}
		return at(0.1 + 0.8*rng.Float64())
	}
	return inside(p, start+0.02*unit(p, start)*once(rng, again), 1e-3*(1+0.3*once(rng, again)))
}

// once returns a random number, or the middle for the later frames of one
// parameter, which move by themselves.
func once(rng *rand.Rand, again bool) float64 {
	if again {
		return 0.5
	}
	return rng.Float64()
}

// unit is the size of a noticeable change of a parameter at x.
func unit(p *abi.Param, x float64) float64 {
	switch p.Scale {
	case abi.Log:
		return math.Abs(x)
	case abi.Periodic:
		return 1
	}
	return max(math.Abs(x), 1e-3*(p.Max-p.Min))
}

// inside moves x into the range, by a part of it.
func inside(p *abi.Param, x, part float64) float64 {
	if p.Scale == abi.Periodic {
		return x
	}
	room := part * (p.Max - p.Min)
	if p.Scale == abi.Log {
		return min(max(x, p.Min*(1+part), 1e-6*p.Max), p.Max*(1-part))
	}
	return min(max(x, p.Min+room), p.Max-room)
}

var uneven = []int{1, 7, 64, 2, 33, 128}

// promises checks what needs no derivative: bits that may not change.
func (c *checker) promises(v variant) {
	const frames = 300
	levels := []struct {
		level
		channels int
	}{{atDefault, 1}, {atDefault, 3}, {nearMin, 3}, {nearMax, 1}, {between, 3}, {atMin, 1}, {atMax, 1}}
	for i, l := range levels {
		for _, modulated := range []bool{false, true} {
			pt, ok := c.at(v, l.channels, frames, l.level, modulated, uint64(i+1))
			if !ok {
				return
			}
			if modulated && !pt.any() {
				continue
			}
			fast, _ := pt.kernels()
			c.stable(pt, "", pt.typ.Forward)
			if pt.typ.CohortForward != nil {
				c.stable(pt, "cohort: ", fast)
				c.cohort(pt)
			}
			if !modulated {
				c.heldAsModulated(v, pt, l.channels, l.level, uint64(i+1))
			}
		}
	}
}

// any reports whether any parameter varies.
func (r *rig) any() bool {
	for _, v := range r.varies {
		if v {
			return true
		}
	}
	return false
}

// stable checks that the bits depend on frame and lane only.
func (c *checker) stable(pt *point, which string, kernel func(*abi.Block)) {
	t := pt.newTrace()
	t.forward(pt.v, []int{pt.frames}, kernel)
	whole := t.outs()
	for _, s := range whole.slices() {
		for n, x := range s {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				c.fail(which+"finite output", pt.name, "value %d of an output, state or heat is %v", n, x)
				return
			}
		}
	}
	for l := range whole.lanes {
		if h := whole.lanes[l].heat; len(h) > 0 && h[0] < 0 {
			c.fail(which+"heat is not negative", pt.name, "lane %d: %v joules", l, h[0])
		}
	}

	t.forward(pt.v, uneven, kernel)
	c.same(which+"block sizes give the same bits", pt.name, whole, t.outs())

	// A restart: only state and declared history come along.
	s, h := pt.set, 72
	early := pt.newTrace()
	early.forward(pt.v, uneven, kernel)
	late := pt.newTrace()
	late.load(pt.v)
	for i, at := range early.starts[:len(early.starts)-1] {
		if at != h {
			continue
		}
		for l := range late.mem {
			copy(late.mem[l].state, early.states[i][l])
			for k := range late.mem[l].in {
				garbage(late.mem[l].in[k][:h])
			}
			for k := range late.mem[l].out {
				garbage(late.mem[l].out[k][:h])
				copy(late.mem[l].out[k][h:h+s.OutHistory], early.mem[l].out[k][h:])
			}
			for k := range late.mem[l].internal {
				garbage(late.mem[l].internal[k][:h])
				copy(late.mem[l].internal[k][h:h+s.Internal[k]], early.mem[l].internal[k][h:])
			}
		}
		late.resume(h, []int{41, 100}, kernel)
		got := late.outs()
		for l := range got.lanes {
			for k := range got.lanes[l].out {
				copy(got.lanes[l].out[k][:h], whole.lanes[l].out[k])
			}
			got.lanes[l].heat = whole.lanes[l].heat // kept by the runtime
		}
		c.same(which+"restart from a snapshot gives the same bits", pt.name, whole, got)
	}

	// One lane alone, and lanes that stand at different frames.
	for _, l := range []int{0, len(pt.who) - 1} {
		alone := pt.only(l).newTrace()
		alone.forward(pt.v.only(l), []int{50, 9}, kernel)
		c.same(which+"a lane alone gives the same bits", pt.name, &outs{whole.lanes[l : l+1]}, alone.outs())
	}
	skew := pt.newTrace()
	skew.load(pt.v)
	lead := func(l int) int { return 17 * (len(skew.mem) - 1 - l) }
	for l := range skew.mem {
		if lead(l) > 0 {
			skew.bind(l, 0, lead(l))
			skew.block.Bind(skew.lanes[l:l+1], lead(l))
			kernel(skew.block)
		}
	}
	longest := lead(0)
	for at := 0; at < pt.frames-longest; at += 50 {
		n := min(50, pt.frames-longest-at)
		for l := range skew.mem {
			skew.bind(l, at+lead(l), n)
		}
		skew.block.Bind(skew.lanes, n)
		kernel(skew.block)
	}
	for l := range skew.mem {
		if rest := longest - lead(l); rest > 0 {
			skew.bind(l, pt.frames-rest, rest)
			skew.block.Bind(skew.lanes[l:l+1], rest)
			kernel(skew.block)
		}
	}
	c.same(which+"lanes at different frames give the same bits", pt.name, whole, skew.outs())
}

// cohort checks the fast forward kernel against the plain one, and at any
// number of lanes.
func (c *checker) cohort(pt *point) {
	t := pt.newTrace()
	t.forward(pt.v, []int{64}, pt.typ.Forward)
	plain := t.outs()
	t.forward(pt.v, []int{64}, pt.typ.CohortForward)
	fast := t.outs()
	c.near("cohort kernel equals the plain one", pt.name, plain, fast, 1e-13)

	// Seven lanes, from the few there are.
	var seven []int
	for i := range 7 {
		seven = append(seven, i%len(pt.who))
	}
	for n := 1; n <= 7; n++ {
		part := pt.only(seven[:n]...).newTrace()
		part.forward(pt.v.only(seven[:n]...), []int{64}, pt.typ.CohortForward)
		want := &outs{}
		for _, l := range seven[:n] {
			want.lanes = append(want.lanes, fast.lanes[l])
		}
		c.same(fmt.Sprintf("cohort kernel gives the same bits for %d lanes", n), pt.name, want, part.outs())
	}
}

// heldAsModulated checks that a constant modulation changes nothing.
func (c *checker) heldAsModulated(v variant, pt *point, channels int, l level, seed uint64) {
	other, ok := c.at(v, channels, pt.frames, l, true, seed)
	if !ok || !other.any() {
		return
	}
	for lane := range pt.v.lanes {
		from, to := &pt.v.lanes[lane], &other.v.lanes[lane]
		to.in, to.state = from.in, from.state
		for i := range from.params {
			for n := range to.params[i] {
				to.params[i][n] = from.params[i][min(n, len(from.params[i])-1)]
			}
		}
	}
	kernel, _ := pt.kernels()
	a, b := pt.newTrace(), other.newTrace()
	a.forward(pt.v, uneven, kernel)
	b.forward(other.v, uneven, kernel)
	c.near("held parameters equal constant modulation", pt.name, a.outs(), b.outs(), 1e-9)
}

// same compares bits.
func (c *checker) same(check, where string, want, got *outs) {
	for i, w := range want.slices() {
		for n, x := range got.slices()[i] {
			if math.Float64bits(x) != math.Float64bits(w[n]) {
				c.fail(check, where, "value %d: %v, not %v (differs by %.3g)", n, x, w[n], x-w[n])
				return
			}
		}
	}
}

// near compares to rounding, relative to the largest value of each row.
func (c *checker) near(check, where string, want, got *outs, tolerance float64) {
	for i, w := range want.slices() {
		if n, bad := differ(w, got.slices()[i], tolerance); bad {
			c.fail(check, where, "value %d: %v, not %v (differs by %.3g)", n, got.slices()[i][n], w[n], got.slices()[i][n]-w[n])
			return
		}
	}
}

// differ returns the first place where two rows differ by more than rounding.
func differ(want, got []float64, tolerance float64) (int, bool) {
	peak := 0.0
	for _, x := range want {
		peak = max(peak, math.Abs(x))
	}
	for n, x := range got {
		if !(math.Abs(x-want[n]) <= tolerance*peak) {
			return n, true
		}
	}
	return 0, false
}

// allocations checks that calls allocate nothing.
func (c *checker) allocations(v variant) {
	for _, modulated := range []bool{false, true} {
		pt, ok := c.at(v, 3, 96, atDefault, modulated, 11)
		if !ok || modulated && !pt.any() {
			return
		}
		check := func(name string, call func()) {
			if n := testing.AllocsPerRun(5, call); n != 0 {
				c.fail("no allocation", pt.name, "%s allocates %v times a call", name, n)
			}
		}
		t, d := pt.newTrace(), pt.newTrace()
		t.forward(pt.v, []int{96}, pt.typ.Forward)
		for l := range t.mem {
			copy(t.mem[l].before, t.states[0][l])
		}
		t.bindAll(0, 96)
		d.bindAll(0, 96)
		plain, fast := pt.typ.Forward, pt.typ.CohortForward
		check("Forward", func() { plain(t.block) })
		if fast != nil {
			check("CohortForward", func() { fast(t.block) })
		}
		if prepare := pt.typ.Prepare; prepare != nil && !modulated {
			check("Prepare", func() { prepare(t.block) })
		}
		if pt.set.NoBackward {
			continue
		}
		if f := pt.typ.Backward; f != nil {
			check("Backward", func() { f(t.block, d.block) })
		}
		if f := pt.typ.CohortBackward; f != nil {
			check("CohortBackward", func() { f(t.block, d.block) })
		}
		if f := pt.typ.Tangent; f != nil {
			check("Tangent", func() { f(t.block, d.block) })
		}
	}
}

// delay checks that a declared delay is the lag at which input and output
// agree best.
func (c *checker) delay(v variant) {
	pt, ok := c.at(v, 1, 300, atDefault, false, 12)
	if !ok || pt.set.Delay == 0 || sum(pt.inRows) == 0 {
		return
	}
	pt, _ = c.at(v, 1, 300+4*pt.set.Delay, atDefault, false, 12)
	t := pt.newTrace()
	t.forward(pt.v, []int{64}, pt.typ.Forward)
	x, y := pt.v.lanes[0].in[0], t.outs().lanes[0].out[0]
	best, at := 0.0, -1
	for lag := range 2*pt.set.Delay + 32 {
		r := 0.0
		for n := lag; n < len(y); n++ {
			r += y[n] * x[n-lag]
		}
		if math.Abs(r) > best {
			best, at = math.Abs(r), lag
		}
	}
	if at != pt.set.Delay {
		c.fail("declared delay", pt.name, "the output is %d frames late, Delay says %d", at, pt.set.Delay)
	}
}

// declarations checks what can be seen without running.
func (c *checker) declarations() {
	if c.typ.CohortBackward != nil && c.typ.Backward == nil {
		c.fail("declarations", "the type", "CohortBackward without Backward, its oracle")
	}
	if c.typ.Family == "" {
		c.fail("declarations", "the type", "no Family: the node reference has no chapter for it")
	}
	for _, p := range c.typ.Params {
		if p.Scale != abi.Periodic && p.MaxRate == 0 && !p.Vector && (p.Default < p.Min || p.Default > p.Max) {
			c.fail("declarations", "the type", "%s: default %v is outside [%v, %v]", p.Name, p.Default, p.Min, p.Max)
		}
	}
}
