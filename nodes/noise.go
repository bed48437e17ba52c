package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(noise) }

// noise is Gaussian. Its value is a function of (seed, channel, frame), so a
// replay, another batch or another block repeats it. Only the level is a
// parameter: l̄evel_db += ln(10)/20 Σ y[n] ȳ[n].
var noise = abi.NodeType{
	Name: "NoiseNode", Family: sources,
	Doc: "White or pink Gaussian noise, the same in every run.",
	Detail: "RMS 10^(level_db/20) for both colours. White: two frames are one pair of the Box–Muller transform of a splitmix64 hash of seed, channel and frame. " +
		"Pink: white noise through a filter of third order that falls by 3 dB per octave within 0.3 dB from 20 Hz to 20 kHz at 44.1 kHz, scaled to the same RMS; " +
		"it starts from silence and takes some 1000 frames to settle. Nodes with equal seeds are equal.",
	Source:  "G. L. Steele, D. Lea, C. H. Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014; J. O. Smith, SASP, \"Synthesis of 1/F Noise\".",
	Outputs: out,
	Params: []abi.Param{
		{Name: "level_db", Role: abi.Level, Unit: "dB", Default: -20, Min: -120, Max: 20, Doc: "RMS, relative to 1."},
	},
	Config: []abi.Key{
		{Name: "seed", Kind: abi.Int, Default: 1.0, Doc: "Another seed, another noise."},
		{Name: "color", Kind: abi.String, Default: "white", Enum: []string{"white", "pink"}, Doc: "Spectrum."},
		channelsKey,
	},
	Configure: func(s *abi.Setup) error {
		law := noiseLaw{seed: uint64(int64(s.Config.Number("seed"))), pink: s.Config.Text("color") == "pink"}
		if !law.pink {
			s.State = 0
		}
		s.Data = law
		return setChannels(s)
	},
	State: 3, // of the pink filter
	Forward: lanes(func(b *abi.Block, lane int) {
		law := b.Data.(noiseLaw)
		y, gain := b.Out(0, lane), math.Exp(decibels*b.Param(0, lane).At(0))
		kernel.Gaussian(y, law.seed, b.Channel(lane), b.Frame(lane))
		if law.pink {
			pinkFilter(y, b.State(lane))
			gain *= pinkGain
		}
		for n := range y {
			y[n] *= gain
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		law := b.Data.(noiseLaw)
		y, dy := b.Out(0, lane), d.Out(0, lane)
		gain, sum := math.Exp(decibels*b.Param(0, lane).At(0)), 0.0
		for n := range y {
			sum += y[n] * dy[n]
		}
		d.Param(0, lane).Add(0, decibels*sum)
		if !law.pink {
			return
		}
		// The state of the filter reaches y[n] and, through it, later states.
		dz := d.State(lane)
		for n := len(y) - 1; n >= 0; n-- {
			lambda := gain*pinkGain*dy[n] - dz[0]*pinkA[1] - dz[1]*pinkA[2] - dz[2]*pinkA[3]
			dz[0], dz[1], dz[2] = lambda, dz[0], dz[1]
		}
	}),
	Second: kernel.Second(noiseFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		law := b.Data.(noiseLaw)
		y, ty := b.Out(0, lane), t.Out(0, lane)
		gain, tlevel := math.Exp(decibels*b.Param(0, lane).At(0)), t.Param(0, lane).At(0)
		clear(ty)
		if law.pink {
			pinkFilter(ty, t.State(lane)) // without input
		}
		for n := range y {
			ty[n] = gain*pinkGain*ty[n] + decibels*tlevel*y[n]
		}
	}),
}

type noiseLaw struct {
	seed uint64
	pink bool
}

// The pink filter of J. O. Smith, SASP, "Synthesis of 1/F Noise".
var (
	pinkB = [4]float64{0.049922035, -0.095993537, 0.050612699, -0.004408786}
	pinkA = [4]float64{1, -2.494956002, 2.017265875, -0.522189400}
)

// pinkGain makes the pink filter's output have the RMS of its input: one over
// the root of the energy of its impulse response.
var pinkGain = func() float64 {
	h := make([]float64, 1<<14) // its slowest pole is 0.9957: below 1e-30 at the end
	h[0] = 1
	pinkFilter(h, make([]float64, 3))
	energy := 0.0
	for _, v := range h {
		energy += v * v
	}
	return 1 / math.Sqrt(energy)
}()

// pinkFilter filters y in place, in transposed direct form 2.
func pinkFilter(y, z []float64) {
	z0, z1, z2 := z[0], z[1], z[2]
	for n, x := range y {
		v := pinkB[0]*x + z0
		z0 = pinkB[1]*x - pinkA[1]*v + z1
		z1 = pinkB[2]*x - pinkA[2]*v + z2
		z2 = pinkB[3]*x - pinkA[3]*v
		y[n] = v
	}
	z[0], z[1], z[2] = z0, z1, z2
}

// noiseFormula is that of white noise, which a level scales, or of a filter that
// the noise runs through, whose states a gradient reaches.
func noiseFormula(f *kernel.Formula) {
	law := f.Block.Data.(noiseLaw)
	if !law.pink {
		kernel.LevelFormula(f)
		return
	}
	x := make([]float64, f.Frames())
	kernel.Gaussian(x, law.seed, f.Block.Channel(f.Lane), f.Block.Frame(f.Lane))
	gain := f.Scale(pinkGain, f.Factor(f.Param(0)(0)))
	for n, x := range x {
		v := f.Shift(pinkB[0]*x, f.State(0))
		f.SetState(0, f.Add(f.Shift(pinkB[1]*x, f.Scale(-pinkA[1], v)), f.State(1)))
		f.SetState(1, f.Add(f.Shift(pinkB[2]*x, f.Scale(-pinkA[2], v)), f.State(2)))
		f.SetState(2, f.Shift(pinkB[3]*x, f.Scale(-pinkA[3], v)))
		f.Out(0, n, f.Mul(gain, v))
	}
}
