package adjoint

import (
	"math"
	"math/rand/v2"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/internal/wav"
)

// CheckOptions says how a gradient is checked.
type CheckOptions struct {
	Options
	Seed uint64 // of the projection w and the directions
	// Learned restricts the check to these parameters ("node.param"); empty
	// means every differentiable one.
	Learned []string
}

// CheckReport is the result of a gradient check.
type CheckReport struct {
	Rows []CheckRow
	// Rates are the orders at which the Taylor remainders of order 0, 1 and 2
	// vanish along a random direction; 1 and 2 when the gradient is right.
	// +Inf stands for a remainder that is zero up to rounding. Where kinks lie
	// along the direction the rates are others, and the slope is compared with
	// a difference quotient whose steps end before them: Slope is the relative
	// error, NaN where the rates are enough.
	Rates [3]float64
	Slope float64
	// Dot is |⟨Jv,w⟩ − ⟨v,Jᵀw⟩| relative to |⟨Jv,w⟩|; DotExact tells whether
	// Jv came from tangent kernels. NoTangent names the nodes without one.
	// DotBeside is Dot with all parameters moved by some thousandths, taken where
	// small kinks along the direction spoil differences; 0 elsewhere.
	Dot         float64
	DotBeside   float64
	DotExact    bool
	NoTangent   []string
	Unsupported []string // nodes without adjoint
	Clamped     int64    // frames at which modulation left a range
	Unconverged []string // nodes whose implicit equations were not solved
	Profile     string   // times of all evaluations by node, when Options.Profile asks for it
	OK          bool
}

// Tolerances of a check.
const (
	rowTolerance = 1e-6
	// looseTolerance is for rows beside kinks, or whose differences do not settle:
	// among the thousands of kinks that a moving delay has, steps that end before
	// the next leave five digits.
	looseTolerance = 1e-5
	// besideTolerance is the largest error that may come of a kink which nothing else
	// shows; it must be gone beside it.
	besideTolerance = 1e-4
	// worstTolerance ends what is excused by differences that do not settle.
	worstTolerance = 1e-3
	rateTolerance  = 1.9
	dotTolerance   = 1e-10
	// dotLoose bounds the dot product when Jv is a Richardson difference.
	dotLoose = 1e-6
	// nothing is a change of ⟨w, output⟩ that leaves only rounding to compare:
	// w has norm 1, and signals are of the order of 1.
	nothing = 1e-6
)

// TB is the part of testing.TB that Check uses.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Check loads a graph file and fails the test unless its gradient is right: by
// differences of every parameter, by Taylor rates and by the dot-product test.
// Graphs with an input get a quarter of a second of seeded noise.
func Check(t TB, path string) {
	t.Helper()
	g, err := graph.Load(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	r, err := CheckGraph(g, CheckOptions{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if !r.OK {
		t.Fatalf("the gradient of %s is wrong:\n%s", path, r)
	}
}

// CheckSeconds is the length of a check when none is given.
const CheckSeconds = 0.25

// CheckGraph differentiates ⟨w, output⟩ with a random w in several ways and
// compares. It makes a run of its own, so nothing of a running fit is touched.
func CheckGraph(g *graph.Graph, o CheckOptions) (*CheckReport, error) {
	rng := rand.New(rand.NewPCG(o.Seed, 0x616d70666974))
	if o.Rate == 0 {
		o.Rate = 48000
	}
	if g.Rate != 0 {
		o.Rate = g.Rate
	}
	if o.Frames == 0 {
		o.Frames = int(CheckSeconds * o.Rate)
	}
	if o.Input == nil && len(g.Inputs()) > 0 {
		noise := make([]float64, o.Frames)
		for i := range noise {
			noise[i] = 0.5 * rng.NormFloat64()
		}
		o.Input = [][]float64{noise}
	}
	if o.Audio == nil {
		o.Audio = ReadAudio
	}
	o.Heat = o.Heat || o.Profile
	m, err := NewModel(g, o.Options)
	if err != nil {
		return nil, err
	}
	c := &checker{m: m, rng: rng, w: make([]float64, len(m.Output))}
	scale := 1 / math.Sqrt(float64(len(c.w)))
	for i := range c.w {
		c.w[i] = scale * rng.NormFloat64()
	}
	c.params(o.Learned)
	r := c.run()
	if o.Profile {
		c.gradient() // leaves heat and energy of the values as they are
		r.Profile = m.Run.Profile()
	}
	return r, nil
}

// ReadAudio reads a WAV file for the nodes that name one.
func ReadAudio(path string) (*abi.Audio, error) {
	a, err := wav.Read(path)
	if err != nil {
		return nil, err
	}
	return &abi.Audio{Rate: float64(a.Rate), Rows: a.Rows()}, nil
}

type checker struct {
	m       *Model
	rng     *rand.Rand
	w       []float64
	here    []float64 // output where the gradient was taken
	checked []*Param
}

func (c *checker) params(names []string) {
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	for _, p := range c.m.Params {
		if p.Spec == nil || p.Spec.NoGradient {
			continue
		}
		if len(names) == 0 || wanted[p.Node+"."+p.Name] {
			c.checked = append(c.checked, p)
		}
	}
}

// value is ⟨w, output − here⟩: a difference of outputs, not of sums of them, so
// that it is not lost in the rounding of the sums.
func (c *checker) value() float64 {
	c.m.Forward()
	sum := 0.0
	for i, y := range c.m.Output {
		sum += c.w[i] * (y - c.here[i])
	}
	return sum
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func (c *checker) run() *CheckReport {
	m := c.m
	r := &CheckReport{Unsupported: m.Unsupported, NoTangent: m.Run.WithoutTangent(), Slope: math.NaN()}
	grads, input := c.gradient()
	r.Clamped, r.Unconverged = m.Run.Clamped(), m.Run.Unconverged()
	r.OK = true
	for _, p := range c.checked {
		for i := range grads[p] {
			row := c.row(p, i, grads)
			r.OK = r.OK && row.OK
			r.Rows = append(r.Rows, row)
		}
	}
	if len(r.Unsupported) > 0 && c.cutsPath() {
		// Differences see through a node without adjoint and the adjoint does
		// not; remainders and dot products have nothing to agree on.
		r.Rates, r.Dot = [3]float64{math.NaN(), math.NaN(), math.NaN()}, math.NaN()
		return r
	}
	// Where the curvature changes sign along a direction, the remainder shows
	// another order; a wrong gradient shows 1 along all of them.
	var d, smooth Direction
	for range 3 {
		d = c.direction()
		smooth = d.without(r.rough())
		if r.Rates = c.taylor(smooth, grads); r.Rates[1] >= rateTolerance {
			break
		}
	}
	if !(r.Rates[1] >= rateTolerance) {
		var unsure float64
		r.Slope, unsure = c.slope(smooth, grads)
		r.OK = r.OK && r.Slope <= min(max(rowTolerance, unsure), worstTolerance)
	}
	if r.DotExact = len(r.NoTangent) == 0; r.DotExact {
		r.Dot = c.dotTest(d, grads, input)
		r.OK = r.OK && r.Dot <= dotTolerance
	} else {
		var unsure float64
		r.Dot, unsure = c.dotDifference(smooth, grads, input)
		if limit := min(max(dotLoose, unsure), worstTolerance); r.Dot > limit {
			r.DotBeside = c.dotBeside(smooth)
			r.OK = r.OK && r.Dot <= besideTolerance && r.DotBeside <= limit
		}
	}
	return r
}

// gradient is that of the projection, by every parameter checked and the input.
func (c *checker) gradient() (grads map[*Param][]float64, input [][]float64) {
	c.m.ForwardBackward(func(grad, _ []float64) { copy(grad, c.w) })
	c.here = append(c.here[:0], c.m.Output...)
	grads = map[*Param][]float64{}
	for _, p := range c.checked {
		grads[p] = append([]float64(nil), p.Grad...)
	}
	return grads, clone(c.m.InputGrad)
}

func clone(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = append([]float64(nil), r...)
	}
	return out
}

// cutsPath reports whether a node without adjoint has something to cut off:
// a parameter or input upstream that differences can see.
func (c *checker) cutsPath() bool {
	for _, name := range c.m.Unsupported {
		u := c.m.Plan.Unit(name)
		if len(u.Params) > 0 || len(u.In) > 0 {
			return true
		}
	}
	return false
}
