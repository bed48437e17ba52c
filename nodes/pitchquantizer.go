package nodes

import (
	"math"
	"slices"
	"strconv"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(pitchQuantizer) }

// pitchQuantizer turns a control signal into a pitch on a grid. With
// u = input span, and W the map from cents to cells of the grid:
//
//	cents[n] = W⁻¹(round(W(1200 u)))   free: 1200 u, W⁻¹(N u) or W⁻¹(round(N u))
//	f[n] = 440 · 2^((root[n]-69)/12 + cents[n]/1200)
//	y[n] = y[n-1] + a (f[n] - y[n-1])  without slew: f[n]
//
// Only the rounding has no derivative; straight_through takes it for a wire.
// With λ[n] = ȳ[n] + (1-a) λ[n+1] and g = a λ f ln 2:
//
//	r̄oot[n] = g/12,   ū = g/1200 ∂cents/∂u,   īnput[n] = span ū,   s̄pan[n] = input ū
var pitchQuantizer = abi.NodeType{
	Name: "PitchQuantizerNode", Family: controlled,
	Doc: "Turns a control signal into a frequency in Hz, rounded to a scale.",
	Detail: "u = input·span_oct octaves above root_midi. The grid is a list of cents within an octave, closed by its first value an octave higher; fewer than two values are the twelve semitones. " +
		"A pitch is rounded to the nearest step, measured in cells of the grid, halves away from zero. is_free_mode: continuous leaves u as it is; weighted takes N·u for a place on the grid of N steps, stepped rounds that. " +
		"slew smooths the frequency with a time constant of 5 ms, beginning at the first value. No adjoint where something is rounded, unless straight_through passes gradients as if it were not. " +
		"compat amp glides over each block of the run from the last target of the block before (0 Hz at first) to that of this block, and has no adjoint.",
	Source:  "The AMP runtime's PitchQuantizerNode.",
	Outputs: out,
	Params: []abi.Param{
		{Name: "input", Role: abi.Other, Default: 0, Min: -4, Max: 4, Mod: true, Doc: "Control signal."},
		{Name: "root_midi", Role: abi.Other, Unit: "semitones", Default: 60, Min: 0, Max: 127, Mod: true, Doc: "Pitch of input 0; 69 is 440 Hz."},
		{Name: "span_oct", Role: abi.Other, Unit: "octaves", Default: 2, Min: 0, Max: 10, Mod: true, Doc: "Octaves per unit of the input; the default is span_default."},
	},
	Config: []abi.Key{
		{Name: "grid_cents", Kind: abi.String, Default: "0,100,200,300,400,500,600,700,800,900,1000,1100", Doc: "Steps of the scale in cents, divided by commas."},
		{Name: "is_free_mode", Kind: abi.Bool, Default: false, Doc: "Use free_variant."},
		{Name: "free_variant", Kind: abi.String, Default: "continuous", Enum: []string{"continuous", "weighted", "stepped"}, Doc: "What free mode does."},
		{Name: "slew", Kind: abi.Bool, Default: true, Doc: "Smooth the frequency."},
		{Name: "span_default", Kind: abi.Number, Default: 2.0, Min: 0, Max: 10, Doc: "Default of span_oct."},
		{Name: "straight_through", Kind: abi.Bool, Default: false, Doc: "Pass gradients as if nothing were rounded."},
		{Name: "compat", Kind: abi.String, Enum: []string{"amp"}, Doc: "Reproduce the recorded defect of the AMP runtime."},
	},
	Configure: func(s *abi.Setup) error {
		law := &pitchLaw{slew: 1, amp: s.Config.Text("compat") == "amp" && s.Config.Bool("slew")}
		for _, item := range commas(s.Config.Text("grid_cents")) {
			x, err := strconv.ParseFloat(item, 64)
			if err != nil || math.IsNaN(x) || math.Abs(x) > 12000 {
				return abi.Errorf("config.grid_cents", "%q is no number of cents", item)
			}
			law.grid = append(law.grid, x)
		}
		slices.Sort(law.grid)
		law.grid = slices.Compact(law.grid)
		if len(law.grid) < 2 {
			law.grid = nil
			for i := range 12 {
				law.grid = append(law.grid, 100*float64(i))
			}
		}
		if law.grid[len(law.grid)-1]-law.grid[0] >= 1200 {
			return abi.Errorf("config.grid_cents", "the scale from %v to %v cents is no less than an octave", law.grid[0], law.grid[len(law.grid)-1])
		}
		law.grid = append(law.grid, law.grid[0]+1200)
		if s.Config.Bool("is_free_mode") {
			law.free = s.Config.Text("free_variant")
		}
		if s.Config.Bool("slew") {
			law.slew, _ = kernel.SlewCoef(5, s.Rate)
		}
		rounded := law.free == "" || law.free == "stepped"
		s.Surrogate = rounded && s.Config.Bool("straight_through")
		s.NoBackward = rounded && !s.Surrogate || law.amp
		span := s.Param("span_oct")
		span.Default = s.Config.Number("span_default")
		s.OutChannels = []int{1}
		s.Data = law
		return nil
	},
	State:    1, // y[n-1]
	Record:   1, // f
	Forward:  lanes(pitchForward),
	Backward: lanePairs(pitchBackward),
	Tangent:  lanePairs(pitchTangent),
	Second:   kernel.Second(pitchFormula),
}

type pitchLaw struct {
	grid []float64 // N steps and the first one of the next octave
	free string
	slew float64
	amp  bool
}

// warp is W: the place of a number of cents on the grid, in cells.
func (law *pitchLaw) warp(cents float64) float64 {
	n := len(law.grid) - 1
	octave := math.Floor(cents / 1200)
	rest := cents - 1200*octave
	i := n - 1
	for k := range n {
		if law.grid[k] <= rest && rest < law.grid[k+1] {
			i = k
			break
		}
	}
	return octave*float64(n) + float64(i) + (rest-law.grid[i])/(law.grid[i+1]-law.grid[i])
}

// unwarp is W⁻¹, and its slope; at a step that of the cell above.
func (law *pitchLaw) unwarp(place float64) (cents, slope float64) {
	n := len(law.grid) - 1
	octave := math.Floor(place / float64(n))
	rest := place - octave*float64(n)
	i := min(max(int(rest), 0), n-1)
	slope = law.grid[i+1] - law.grid[i]
	return 1200*octave + law.grid[i] + (rest-float64(i))*slope, slope
}

// cents returns the pitch above the root, and its slope by u, as if nothing
// were rounded.
func (law *pitchLaw) cents(u float64) (cents, slope float64) {
	n := float64(len(law.grid) - 1)
	switch law.free {
	case "continuous":
		return 1200 * u, 1200
	case "weighted":
		cents, slope = law.unwarp(n * u)
		return cents, n * slope
	case "stepped":
		cents, _ = law.unwarp(math.Round(n * u))
		_, slope = law.unwarp(n * u)
		return cents, n * slope
	}
	cents, _ = law.unwarp(math.Round(law.warp(1200 * u)))
	return cents, 1200
}

func pitchForward(b *abi.Block, lane int) {
	law := b.Data.(*pitchLaw)
	y, f, state := b.Out(0, lane), b.Record(0, lane), b.State(lane)
	input, root, span := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane)
	for n := range f {
		if n > 0 && !input.Varies() && !root.Varies() && !span.Varies() {
			f[n] = f[0]
			continue
		}
		cents, _ := law.cents(input.At(n) * span.At(n))
		f[n] = 440 * math.Exp2((root.At(n)-69)/12) * math.Exp2(cents/1200)
	}
	if law.amp {
		from, to := state[0], f[len(f)-1]
		for n := range y {
			t := float64(n) / float64(len(y))
			y[n] = from + t*t*(3-2*t)*(to-from)
		}
		state[0] = to
		return
	}
	last := state[0]
	if b.Frame(lane) == 0 {
		last = f[0]
	}
	for n := range y {
		last += law.slew * (f[n] - last)
		y[n] = last
	}
	state[0] = last
}

func pitchBackward(b, d *abi.Block, lane int) {
	law := b.Data.(*pitchLaw)
	dy, f, dstate := d.Out(0, lane), b.Record(0, lane), d.State(lane)
	input, span := b.Param(0, lane), b.Param(2, lane)
	dinput, droot, dspan := d.Param(0, lane), d.Param(1, lane), d.Param(2, lane)
	carry := dstate[0]
	for n := len(dy) - 1; n >= 0; n-- {
		lambda := dy[n] + carry
		carry = (1 - law.slew) * lambda
		df := law.slew * lambda
		if n == 0 && b.Frame(lane) == 0 {
			df, carry = lambda, 0
		}
		g := math.Ln2 * f[n] * df
		_, slope := law.cents(input.At(n) * span.At(n))
		droot.Add(n, g/12)
		dinput.Add(n, g/1200*slope*span.At(n))
		dspan.Add(n, g/1200*slope*input.At(n))
	}
	dstate[0] = carry
}

func pitchTangent(b, t *abi.Block, lane int) {
	law := b.Data.(*pitchLaw)
	ty, f, tstate := t.Out(0, lane), b.Record(0, lane), t.State(lane)
	input, span := b.Param(0, lane), b.Param(2, lane)
	tinput, troot, tspan := t.Param(0, lane), t.Param(1, lane), t.Param(2, lane)
	last := tstate[0]
	for n := range ty {
		_, slope := law.cents(input.At(n) * span.At(n))
		tf := math.Ln2 * f[n] * (troot.At(n)/12 + slope/1200*(tinput.At(n)*span.At(n)+input.At(n)*tspan.At(n)))
		if n == 0 && b.Frame(lane) == 0 {
			last = tf
		} else {
			last += law.slew * (tf - last)
		}
		ty[n] = last
	}
	tstate[0] = last
}

func pitchFormula(f *kernel.Formula) {
	law := f.Block.Data.(*pitchLaw)
	input, root, span := f.Param(0), f.Param(1), f.Param(2)
	for n := range f.Frames() {
		u := f.Mul(input(n), span(n))
		value, slope := law.cents(f.Value(u))
		cents := f.Apply(u, value, slope, 0)
		octaves := f.Add(f.Scale(1./12, f.Shift(-69, root(n))), f.Scale(1./1200, cents))
		pitch := f.Scale(440, f.Exp(f.Scale(math.Ln2, octaves)))
		if n > 0 || f.Block.Frame(f.Lane) > 0 {
			last := f.State(0)
			pitch = f.Add(last, f.Scale(law.slew, f.Sub(pitch, last)))
		}
		f.SetState(0, pitch)
		f.Out(0, n, pitch)
	}
}
