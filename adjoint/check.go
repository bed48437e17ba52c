package adjoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strings"

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

// CheckRow compares one element of a gradient with a difference quotient.
type CheckRow struct {
	Param      *Param
	Element    int // of Param.Values
	Adjoint    float64
	Difference float64
	Error      float64 // |adjoint − difference| / max(|difference|, 1e-3 ‖g‖∞)
	// Kink says that left and right differences disagree at every step: the
	// loss has no derivative here, and no adjoint can be compared.
	Kink bool
	Cut  string // node without adjoint that cuts the parameter off
	OK   bool
}

// Name returns "node.param" with the element of a vector.
func (r *CheckRow) Name() string {
	if len(r.Param.Values) > 1 {
		return fmt.Sprintf("%s.%s[%d]", r.Param.Node, r.Param.Name, r.Element)
	}
	return r.Param.Node + "." + r.Param.Name
}

// CheckReport is the result of a gradient check.
type CheckReport struct {
	Rows []CheckRow
	// Rates are the orders at which the Taylor remainders of order 0, 1 and 2
	// vanish along a random direction; 1 and 2 when the gradient is right.
	// +Inf stands for a remainder that is zero up to rounding.
	Rates [3]float64
	// Dot is |⟨Jv,w⟩ − ⟨v,Jᵀw⟩| relative to |⟨Jv,w⟩|; DotExact tells whether
	// Jv came from tangent kernels. NoTangent names the nodes without one.
	Dot         float64
	DotExact    bool
	NoTangent   []string
	Unsupported []string // nodes without adjoint
	Clamped     int64    // frames at which modulation left a range
	Unconverged []string // nodes whose implicit equations were not solved
	OK          bool
}

// Tolerances of a check.
const (
	rowTolerance  = 1e-6
	rateTolerance = 1.9
	dotTolerance  = 1e-10
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
	return c.run(), nil
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

// value is ⟨w, output⟩.
func (c *checker) value() float64 {
	c.m.Forward()
	return dot(c.w, c.m.Output)
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
	r := &CheckReport{Unsupported: m.Unsupported, NoTangent: m.tangentless()}
	m.ForwardBackward(func(grad, _ []float64) { copy(grad, c.w) })
	r.Clamped, r.Unconverged = m.Run.Clamped(), m.Run.Unconverged()
	grads := map[*Param][]float64{}
	largest := 0.0
	for _, p := range c.checked {
		grads[p] = append([]float64(nil), p.Grad...)
		for _, g := range p.Grad {
			largest = max(largest, math.Abs(g))
		}
	}
	input := clone(m.InputGrad)
	r.OK = true
	for _, p := range c.checked {
		for i, g := range grads[p] {
			row := c.row(p, i, g, largest)
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
	var d Direction
	for range 3 {
		d = c.direction()
		if r.Rates = c.taylor(d, grads); r.Rates[1] >= rateTolerance {
			break
		}
	}
	r.Dot, r.DotExact = c.dotTest(d, grads, input)
	limit := dotTolerance
	if !r.DotExact {
		limit = dotLoose
	}
	if !(r.Dot <= limit) || !(r.Rates[1] >= rateTolerance) {
		r.OK = false
	}
	return r
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

// scaleOf is the natural unit of a parameter: how far it moves before the
// output changes much.
func scaleOf(p *Param, v float64) float64 {
	q := p.Spec
	switch {
	case q.Scale == abi.Periodic:
		return 0.1
	case q.Scale == abi.Log:
		return max(math.Abs(v), q.Min)
	}
	return max(math.Abs(v), min(1, 0.05*(q.Max-q.Min)))
}

// row compares one element. The difference quotient is of fourth order, at
// steps from coarse to fine; the step is taken where two neighbours agree best.
func (c *checker) row(p *Param, i int, adjoint, largest float64) CheckRow {
	row := CheckRow{Param: p, Element: i, Adjoint: adjoint, Cut: p.Blocked}
	if p.Blocked != "" {
		row.OK = true // reported by name; zero is what the contract promises
		return row
	}
	start := append([]float64(nil), p.Values...)
	at := func(x float64) float64 {
		v := append([]float64(nil), start...)
		v[i] = x
		c.set(p, v)
		return c.value()
	}
	defer c.set(p, start)
	d := derivative(at, start[i], scaleOf(p, start[i]), 1e-16*norm(c.w)*norm(c.m.Output), p.Spec)
	row.Difference = d.value
	row.Error = math.Abs(adjoint-d.value) / max(math.Abs(d.value), 1e-3*largest, nothing/scaleOf(p, start[i]))
	row.Kink = d.kink && math.Abs(d.value) > 1e-9*largest // else there is only rounding to disagree
	row.OK = row.Error <= rowTolerance
	return row
}

func (c *checker) set(p *Param, v []float64) {
	if err := c.m.Set(p, v); err != nil {
		panic(err) // the values have the parameter's own length
	}
}

type difference struct {
	value float64
	kink  bool
}

// derivative differentiates f at x, inside [q.Min, q.Max] where x lies on or
// near a bound. Noise is the rounding error of f.
func derivative(f func(float64) float64, x, scale, noise float64, q *graph.Param) difference {
	lo, hi := math.Inf(-1), math.Inf(1)
	if q.Scale != abi.Periodic {
		lo, hi = q.Min, q.Max
	}
	h := 0.02 * scale
	side := 0.0
	switch {
	case x-lo < 2e-4*scale:
		side = 1
	case hi-x < 2e-4*scale:
		side = -1
	default:
		h = min(h, (x-lo)/2.001, (hi-x)/2.001)
	}
	best := difference{}
	bestGap, previous := math.Inf(1), math.NaN()
	f0 := 0.0
	if side != 0 {
		f0 = f(x)
	}
	var last float64
	for range 9 {
		var d float64
		if side == 0 {
			d = (8*(f(x+h)-f(x-h)) - (f(x+2*h) - f(x-2*h))) / (12 * h)
		} else { // fourth order, one side
			s := side * h
			d = (-25*f0 + 48*f(x+s) - 36*f(x+2*s) + 16*f(x+3*s) - 3*f(x+4*s)) / (12 * s)
		}
		// Among rounding errors two neighbours may agree by chance.
		if gap := math.Abs(d-previous) + noise/h; gap < bestGap {
			bestGap, best.value, last = gap, d, h
		}
		previous = d
		h /= 4
	}
	if side == 0 && bestGap > 1e-7*math.Abs(best.value) {
		f0 = f(x)
		right, left := (f(x+last)-f0)/last, (f0-f(x-last))/last
		best.kink = math.Abs(right-left) > 1e-4*math.Max(math.Abs(right), math.Abs(left))
	}
	return best
}

// direction draws a random direction over parameters and input, in natural
// units.
func (c *checker) direction() Direction {
	d := Direction{Params: map[*Param][]float64{}}
	for _, p := range c.checked {
		v := make([]float64, len(p.Values))
		for i := range v {
			v[i] = c.rng.NormFloat64() * scaleOf(p, p.Values[i])
			// Point inwards from a bound, so that the whole step is in range.
			if q := p.Spec; q.Scale != abi.Periodic {
				if p.Values[i]-q.Min < math.Abs(v[i])*0.1 {
					v[i] = math.Abs(v[i])
				} else if q.Max-p.Values[i] < math.Abs(v[i])*0.1 {
					v[i] = -math.Abs(v[i])
				}
			}
		}
		d.Params[p] = v
	}
	for _, in := range c.m.options.Input {
		v := make([]float64, len(in))
		for i := range v {
			v[i] = 0.1 * c.rng.NormFloat64()
		}
		d.Input = append(d.Input, v)
	}
	return d
}

// along evaluates the projection at the start plus h times the direction of
// the parameters.
func (c *checker) along(d Direction, start map[*Param][]float64, h float64) float64 {
	for _, p := range c.checked {
		v := append([]float64(nil), start[p]...)
		for i := range v {
			v[i] += h * d.Params[p][i]
		}
		c.set(p, v)
	}
	return c.value()
}

func (c *checker) start() map[*Param][]float64 {
	s := map[*Param][]float64{}
	for _, p := range c.checked {
		s[p] = append([]float64(nil), p.Values...)
	}
	return s
}

// taylor returns the orders of |f(x+hd) − f(x)| and |f(x+hd) − f(x) − h g·d|:
// the steepest slope over two halvings among steps whose remainder is still
// well above rounding.
func (c *checker) taylor(d Direction, grads map[*Param][]float64) [3]float64 {
	if len(c.checked) == 0 {
		return [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}
	}
	start := c.start()
	defer func() {
		for p, v := range start {
			c.set(p, v)
		}
	}()
	slope := 0.0
	for _, p := range c.checked {
		if p.Blocked == "" {
			slope += dot(grads[p], d.Params[p])
		}
	}
	f0 := c.value()
	floor := 1e-13 * (math.Abs(f0) + norm(c.w)*norm(c.m.Output) + nothing)
	curve, vague := c.curvature(d)
	const steps = 14
	var rem [3][steps]float64
	h := 0.02
	for k := range steps {
		f := c.along(d, start, h)
		floor = max(floor, 1e-13*(math.Abs(f)+norm(c.w)*norm(c.m.Output))) // a start of 0 has no rounding of its own
		rem[0][k] = math.Abs(f - f0)
		rem[1][k] = math.Abs(f - f0 - h*slope)
		rem[2][k] = math.Abs(f - f0 - h*slope - h*h/2*curve)
		if rem[2][k] < 30*h*h*vague {
			rem[2][k] = 0 // no more exact than the curvature is
		}
		h /= 2
	}
	var rates [3]float64
	for o := range rates {
		rates[o] = order(rem[o][:], floor)
	}
	if math.IsInf(vague, 1) {
		rates[2] = math.NaN()
	}
	return rates
}

// curvature is the second derivative of the projection along the parameters of
// a direction, and how far off it may be.
func (c *checker) curvature(d Direction) (value, vague float64) {
	along := Direction{Params: d.Params}
	h := c.m.HVP(&projection{w: c.w}, along)
	rest := h.Values
	size := 0.0
	for _, p := range c.m.Params {
		if p.Spec == nil {
			continue
		}
		if v := d.Params[p]; v != nil && p.Blocked == "" {
			value += dot(v, rest[:len(p.Values)])
			size += norm(v) * norm(rest[:len(p.Values)])
		}
		rest = rest[len(p.Values):]
	}
	if math.IsInf(h.Error, 1) {
		return 0, h.Error
	}
	return value, h.Error * size
}

// projection is ⟨w, y⟩; it sees one batch after the other.
type projection struct {
	w  []float64
	at int
}

func (l *projection) Evaluate(grad, y []float64) float64 {
	w := l.w[l.at : l.at+len(y)]
	l.at = (l.at + len(y)) % len(l.w)
	copy(grad, w)
	return dot(w, y)
}

// Curvature is none.
func (l *projection) Curvature(dst, _, _ []float64) { clear(dst) }

// order estimates the order at which remainders vanish as the step halves,
// from the finest steps above the floor of rounding.
func order(rem []float64, floor float64) float64 {
	var slopes []float64
	for k := 0; k+1 < len(rem); k++ {
		if rem[k+1] > 30*floor {
			slopes = append(slopes, math.Log2(rem[k]/rem[k+1]))
		}
	}
	if len(slopes) == 0 {
		return math.Inf(1)
	}
	if n := len(slopes); n > 4 {
		slopes = slopes[n-4:]
	}
	sort.Float64s(slopes)
	return slopes[len(slopes)/2]
}

func norm(x []float64) float64 { return math.Sqrt(dot(x, x)) }

// dotTest compares ⟨Jv,w⟩ with ⟨v,Jᵀw⟩.
func (c *checker) dotTest(d Direction, grads map[*Param][]float64, input [][]float64) (float64, bool) {
	back, size := 0.0, 0.0
	for _, p := range c.checked {
		if p.Blocked == "" {
			back += dot(grads[p], d.Params[p])
		} else {
			d.Params[p] = make([]float64, len(p.Values))
		}
	}
	for i, in := range input {
		back += dot(in, d.Input[i])
	}
	tangent, err := c.m.Tangent(d)
	if err != nil {
		forth := c.jvpDifference(d)
		return math.Abs(forth-back) / max(math.Abs(forth), math.Abs(back), 100*nothing), false
	}
	forth := dot(tangent, c.w)
	// The sums cancel; their rounding is relative to the size of the terms.
	size = max(math.Abs(forth), math.Abs(back), 1e-3*norm(tangent)*norm(c.w))
	return math.Abs(forth-back) / max(size, 100*nothing), true
}

// jvpDifference is ⟨w, Jv⟩ by differences, over parameters and input at once.
func (c *checker) jvpDifference(d Direction) float64 {
	start := c.start()
	input := c.m.Run.Input
	defer func() {
		for p, v := range start {
			c.set(p, v)
		}
		c.m.Run.Input = input
	}()
	f := func(h float64) float64 {
		moved := clone(input)
		for i := range moved {
			for n := range moved[i] {
				moved[i][n] += h * d.Input[i][n]
			}
		}
		c.m.Run.Input = moved
		return c.along(d, start, h)
	}
	best, bestGap, previous := 0.0, math.Inf(1), math.NaN()
	for h := 0.02; h > 1e-7; h /= 4 {
		var v float64
		switch {
		case inRange(d, start, 2*h) && inRange(d, start, -2*h):
			v = (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h)
		case inRange(d, start, 4*h): // a parameter lies on its bound
			v = (-25*f(0) + 48*f(h) - 36*f(2*h) + 16*f(3*h) - 3*f(4*h)) / (12 * h)
		default:
			continue
		}
		if gap := math.Abs(v - previous); gap < bestGap {
			best, bestGap = v, gap
		}
		previous = v
	}
	return best
}

// inRange reports whether all parameters stay in their ranges h times a direction
// away from where they start.
func inRange(d Direction, start map[*Param][]float64, h float64) bool {
	for p, v := range start {
		if p.Spec == nil || p.Spec.Scale == abi.Periodic {
			continue
		}
		for i, x := range v {
			if x += h * d.Params[p][i]; x < p.Spec.Min || x > p.Spec.Max {
				return false
			}
		}
	}
	return true
}

// String prints the table: one row per parameter, then rates and dot product.
func (r *CheckReport) String() string {
	var b strings.Builder
	width := 9
	for i := range r.Rows {
		width = max(width, len(r.Rows[i].Name()))
	}
	fmt.Fprintf(&b, "%-*s  %22s  %22s  %10s\n", width, "parameter", "adjoint", "difference", "error")
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Cut != "" {
			fmt.Fprintf(&b, "%-*s  cut off: %s has no adjoint\n", width, row.Name(), row.Cut)
			continue
		}
		mark := ""
		if row.Kink {
			mark = "  kink: left and right differences disagree here"
		}
		if !row.OK {
			mark += "  WRONG"
		}
		fmt.Fprintf(&b, "%-*s  %22.15g  %22.15g  %10.1e%s\n", width, row.Name(), row.Adjoint, row.Difference, row.Error, mark)
	}
	if math.IsNaN(r.Dot) {
		fmt.Fprintf(&b, "Taylor rates and dot product: not defined behind nodes without an adjoint\n")
	} else {
		fmt.Fprintf(&b, "Taylor rates: %s, %s, %s (1, 2, 3 expected)\n", rate(r.Rates[0]), rate(r.Rates[1]), rate(r.Rates[2]))
		how := "tangent kernels"
		if !r.DotExact {
			how = "differences, as there is no tangent kernel in " + strings.Join(r.NoTangent, ", ")
		}
		fmt.Fprintf(&b, "dot product: |⟨Jv,w⟩ − ⟨v,Jᵀw⟩| = %.1e, relative (Jv by %s)\n", r.Dot, how)
	}
	for _, node := range r.Unconverged {
		fmt.Fprintln(&b, node)
	}
	if r.Clamped > 0 {
		fmt.Fprintf(&b, "modulation left its range at %d frames and was clamped there\n", r.Clamped)
	}
	for _, name := range r.Unsupported {
		fmt.Fprintf(&b, "%s has no adjoint: zero gradients behind it\n", name)
	}
	return b.String()
}

func rate(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "exact"
	case math.IsNaN(x):
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}
