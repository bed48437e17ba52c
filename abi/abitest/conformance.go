package abitest

import (
	"fmt"
	"math"
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

// soundFile is what configuration keys of kind File name in the suite.
const soundFile = "abitest.wav"

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

const (
	atDefault level = iota
	nearMin
	nearMax
	between
	atMin
	atMax
)

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
