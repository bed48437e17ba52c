package nodes

import (
	"fmt"
	"math"

	"ampfit/abi"
	"ampfit/internal/resample"
	"ampfit/internal/vec"
)

func init() { abi.Register(rateConvert) }

// rateConvert resamples by p/q and back. Frame n of the input brings the new
// values z[m] with n ≤ mq/p < n+1, some or none; the output reads them back:
//
//	z[m] = Σ_j k1(mq/p - H1 - j) x[j],   y[n] = Σ_m k2(n - H2 - mq/p) z[m]
//
// k1 and k2 are 0 from H1 and H2 frames on. All weights depend on n modulo q
// only and are tabulated, scaled so that those of a value add up to 1. z lies in
// internal rows, as many as a frame may bring. The map is linear: its tangent is
// itself, its adjoint the transposed tables, run back in time.
var rateConvert = abi.NodeType{
	Name: "RateConvertNode", Family: controlled,
	Doc: "Resamples by p/q and back: the sound of a lower or higher sample rate, at the graph's own rate.",
	Detail: "The output keeps the graph's frames and is late by the length of both filters, which is declared. " +
		"kind: polyphase is a Kaiser-windowed low-pass that ends at half the lower rate; sinc is the same without a margin, so its corner is −6 dB at half the lower rate and what is just above folds; " +
		"spline is cubic (Catmull–Rom) in both directions, without a low-pass, so a lower rate folds as in early samplers. " +
		"quality is the filters' length, 8, 24 or 64 periods of the lower rate to each side; the spline has one length.",
	Source: "J. O. Smith, Digital Audio Resampling, CCRMA; E. Catmull, R. Rom, A Class of Local Interpolating Splines, 1974.",
	Inputs: in, Outputs: out,
	Config: []abi.Key{
		{Name: "ratio", Kind: abi.String, Default: "1/2", Doc: "p/q, from 1/64 to 16, p and q at most 1024: the rate is p/q times the graph's."},
		{Name: "quality", Kind: abi.String, Default: "standard", Enum: []string{"low_latency", "standard", "high"}, Doc: "Length of the filters."},
		{Name: "kind", Kind: abi.String, Default: "polyphase", Enum: []string{"polyphase", "sinc", "spline"}, Doc: "Kind of interpolation."},
	},
	Configure: setRateConvert,
	Internal:  []int{0},
	Forward:   lanes(rateConvertRun),
	Backward:  lanePairs(rateConvertBackward),
	Tangent:   lanePairs(func(_, t *abi.Block, lane int) { rateConvertRun(t, lane) }),
	Second:    abi.LinearSecond(lanePairs(rateConvertBackward)),
}

type rateLaw struct {
	q, slots int
	back1    int         // a value of z reads the frames of x from so many before
	back2    int         // an output those of z
	up, down [][]float64 // by n mod q: slot × (back1+1); slot × (back2+1)
	values   []int       // by n mod q: values of z in the frame
}

func setRateConvert(s *abi.Setup) error {
	var p, q int
	text := s.Config.Text("ratio")
	if n, err := fmt.Sscanf(text+" ", "%d/%d ", &p, &q); n != 2 || err != nil || fmt.Sprintf("%d/%d", p, q) != text ||
		p < 1 || q < 1 || p > 1024 || q > 1024 || 64*p < q || p > 16*q {
		return abi.Errorf("config.ratio", "%q is no ratio p/q from 1/64 to 16 with p and q at most 1024", text)
	}
	for d := 2; d <= min(p, q); d++ {
		for p%d == 0 && q%d == 0 {
			p, q = p/d, q/d
		}
	}
	k1, k2, h1, h2 := rateKernels(s, p, q)
	law := newRateLaw(k1, k2, h1, h2, p, q)
	s.Delay = h1 + h2
	s.Internal = []int{law.back1}
	for range law.slots {
		s.Internal = append(s.Internal, law.back2)
	}
	s.Data = law
	return nil
}

// rateKernels returns the kernels of both directions and their half lengths.
func rateKernels(s *abi.Setup, p, q int) (k1, k2 func(t float64) float64, h1, h2 int) {
	lower := min(1, float64(p)/float64(q))
	step := float64(q) / float64(p) // frames between values of z
	if s.Config.Text("kind") == "spline" {
		h1, h2 = 2, int(math.Ceil(2*step))
		k1, k2 = catmullRom, func(t float64) float64 { return catmullRom(t / step) }
	} else {
		periods, beta, edge := 24.0, 9.0, 0.88
		switch s.Config.Text("quality") {
		case "low_latency":
			periods, beta, edge = 8, 6, 0.75
		case "high":
			periods, beta, edge = 64, 12, 0.94
		}
		if s.Config.Text("kind") == "sinc" {
			edge = 1
		}
		h1 = int(math.Ceil(periods / lower))
		h2 = h1
		k1 = func(t float64) float64 {
			u := t / float64(h1)
			if math.Abs(u) >= 1 {
				return 0
			}
			x := math.Pi * lower * edge * t
			if x == 0 {
				return 1
			}
			return math.Sin(x) / x * resample.Bessel(beta*math.Sqrt(1-u*u)) / resample.Bessel(beta)
		}
		k2 = k1
	}
	return k1, k2, h1, h2
}

// newRateLaw tabulates the kernels.
func newRateLaw(k1, k2 func(t float64) float64, h1, h2, p, q int) *rateLaw {
	ceil := func(n int) int { return -floorDiv(-n*p, q) } // first m with mq/p ≥ n
	law := &rateLaw{q: q, slots: (p + q - 1) / q, back1: 2 * h1, back2: 2 * h2}
	for phase := range q {
		up := make([]float64, law.slots*(law.back1+1))
		for r := range law.slots {
			m := ceil(phase) + r
			if m >= ceil(phase+1) {
				continue
			}
			w, sum := up[r*(law.back1+1):][:law.back1+1], 0.0
			at := float64(m*q-phase*p)/float64(p) + float64(h1) // from the first of the frames
			for i := range w {
				w[i] = k1(at - float64(i))
				sum += w[i]
			}
			for i := range w {
				w[i] /= sum
			}
		}
		down, sum := make([]float64, law.slots*(law.back2+1)), 0.0
		for i := range law.back2 + 1 {
			n := phase - law.back2 + i
			for r := range law.slots {
				if m := ceil(n) + r; m < ceil(n+1) {
					v := k2(float64((phase-h2)*p-m*q) / float64(p))
					down[r*(law.back2+1)+i] = v
					sum += v
				}
			}
		}
		for i := range down {
			down[i] /= sum
		}
		law.up, law.down = append(law.up, up), append(law.down, down)
		law.values = append(law.values, ceil(phase+1)-ceil(phase))
	}
	return law
}

func floorDiv(a, b int) int {
	d := a / b
	if a%b < 0 {
		d--
	}
	return d
}

// catmullRom is the cubic interpolation kernel of slope (x[1] - x[-1])/2.
func catmullRom(t float64) float64 {
	t = math.Abs(t)
	switch {
	case t < 1:
		return 1 + t*t*(1.5*t-2.5)
	case t < 2:
		return 2 + t*(-4+t*(2.5-0.5*t))
	}
	return 0
}

// dot4 returns the dot product, in four sums that need not wait for each other.
func dot4(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0, s1 = math.FMA(a[i], b[i], s0), math.FMA(a[i+1], b[i+1], s1)
		s2, s3 = math.FMA(a[i+2], b[i+2], s2), math.FMA(a[i+3], b[i+3], s3)
	}
	for ; i < len(a); i++ {
		s0 = math.FMA(a[i], b[i], s0)
	}
	return (s0 + s1) + (s2 + s3)
}

func rateConvertRun(b *abi.Block, lane int) {
	law := b.Data.(*rateLaw)
	x, y, row := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane)
	copy(row[law.back1:], x)
	phase := int(b.Frame(lane) % int64(law.q))
	n1, n2 := law.back1+1, law.back2+1
	for n := range y {
		up, down := law.up[phase], law.down[phase]
		sum := 0.0
		for r := range law.slots {
			z := b.Internal(1+r, lane)
			z[law.back2+n] = 0
			if r < law.values[phase] {
				z[law.back2+n] = dot4(up[r*n1:][:n1], row[n:])
			}
			sum += dot4(down[r*n2:][:n2], z[n:])
		}
		y[n] = sum
		if phase++; phase == law.q {
			phase = 0
		}
	}
}

func rateConvertBackward(b, d *abi.Block, lane int) {
	law := b.Data.(*rateLaw)
	dx, dy, drow := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane)
	n1, n2 := law.back1+1, law.back2+1
	last := int((b.Frame(lane) + int64(len(dy)) - 1) % int64(law.q))
	phase := last
	for n := len(dy) - 1; n >= 0; n-- {
		up, down := law.up[phase], law.down[phase]
		for r := range law.slots {
			dz := d.Internal(1+r, lane)
			g, to := dy[n], dz[n:][:n2]
			for i, w := range down[r*n2:][:n2] {
				to[i] = math.FMA(w, g, to[i])
			}
			if g = dz[law.back2+n]; r < law.values[phase] {
				to = drow[n:][:n1]
				for i, w := range up[r*n1:][:n1] {
					to[i] = math.FMA(w, g, to[i])
				}
			}
		}
		if phase--; phase < 0 {
			phase = law.q - 1
		}
	}
	vec.Add(dx, drow[law.back1:])
}
