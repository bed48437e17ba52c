package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(wavetable) }

// wavetable advances, then reads between two values of its table T:
//
//	φ[n] = frac(φ[n-1] + f[n]/rate),   N φ[n] = i + u
//	v[n] = (1-u) T_i + u T_{i+1},   y[n] = A[n] v[n]
//
// Back in time, with λ the gradient of φ, handed over by the block after:
//
//	T̄_i += (1-u) A ȳ,   T̄_{i+1} += u A ȳ,   Ā[n] = v ȳ
//	λ[n] = N (T_{i+1} - T_i) A ȳ + λ[n+1],   f̄[n] = λ[n]/rate
//
// At a value of the table the slope is that of the piece after it.
var wavetable = abi.NodeType{
	Name: "WavetableNode", Family: sources,
	Doc: "Oscillator that reads a table of one cycle, which can be learned.",
	Detail: "φ[n] = frac(φ[n−1] + frequency[n]/rate), y[n] = amplitude[n] times the table at φ·size, linear between its values and from the last to the first. Nothing is band-limited: " +
		"partials above half the rate fold back. The table starts as one cycle of wave.",
	Source:  "S. Shan, L. Hantrakul, J. Chen, M. Avent, D. Trevelyan, Differentiable Wavetable Synthesis, ICASSP 2022.",
	Outputs: out,
	Params: []abi.Param{
		{Name: "frequency", Role: abi.Pitch, Unit: "Hz", Default: 440, Min: 0, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Frequency."},
		{Name: "amplitude", Role: abi.Level, Default: 0.5, Min: 0, Max: 10, Mod: true, Doc: "Gain of the output."},
		{Name: "table", Role: abi.Table, Default: 0, Min: -4, Max: 4, Vector: true, Doc: "One cycle."},
	},
	Config: []abi.Key{
		{Name: "size", Kind: abi.Int, Default: 256.0, Min: 2, Max: 65536, Doc: "Values of the table."},
		{Name: "wave", Kind: abi.String, Default: "saw", Enum: []string{"saw", "sine", "square", "triangle"}, Doc: "What the table starts as."},
		channelsKey,
	},
	Configure: func(s *abi.Setup) error {
		table := s.Param("table")
		table.Len, table.Defaults = s.Config.Int("size"), nil
		for i := range table.Len {
			table.Defaults = append(table.Defaults, kernel.Waves[s.Config.Text("wave")].Value(float64(i)/float64(table.Len)))
		}
		return setChannels(s)
	},
	State:        1, // φ[n-1]
	FrameScratch: 1, // φ
	Forward: lanes(func(b *abi.Block, lane int) {
		y, state, table := b.Out(0, lane), b.State(lane), b.Vector(2, lane)
		frequency, amplitude, p := b.Param(0, lane), b.Param(1, lane), state[0]
		for n := range y {
			p = kernel.Advance(p, frequency.At(n)/b.Rate)
			i, next, u := tableAt(table, p)
			y[n] = amplitude.At(n) * math.FMA(u, table[next]-table[i], table[i])
		}
		state[0] = p
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		dy, dstate, table, dtable := d.Out(0, lane), d.State(lane), b.Vector(2, lane), d.Vector(2, lane)
		frequency, amplitude := b.Param(0, lane), b.Param(1, lane)
		dfrequency, damplitude := d.Param(0, lane), d.Param(1, lane)
		p := phases(b, lane, frequency) // before each frame
		lambda, size := dstate[0], float64(len(table))
		for n := len(dy) - 1; n >= 0; n-- {
			i, next, u := tableAt(table, kernel.Advance(p[n], frequency.At(n)/b.Rate))
			g, slope := amplitude.At(n)*dy[n], table[next]-table[i]
			dtable[i] += (1 - u) * g
			dtable[next] += u * g
			damplitude.Add(n, math.FMA(u, slope, table[i])*dy[n])
			lambda += size * slope * g
			dfrequency.Add(n, lambda/b.Rate)
		}
		dstate[0] = lambda
	}),
	Second: kernel.Second(wavetableFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		ty, tstate, table, ttable := t.Out(0, lane), t.State(lane), b.Vector(2, lane), t.Vector(2, lane)
		p, tp := b.Before(lane)[0], tstate[0]
		for n := range ty {
			p = kernel.Advance(p, b.Param(0, lane).At(n)/b.Rate)
			tp += t.Param(0, lane).At(n) / b.Rate
			i, next, u := tableAt(table, p)
			slope := table[next] - table[i]
			ty[n] = t.Param(1, lane).At(n)*math.FMA(u, slope, table[i]) +
				b.Param(1, lane).At(n)*((1-u)*ttable[i]+u*ttable[next]+float64(len(table))*slope*tp)
		}
		tstate[0] = tp
	}),
}

// tableAt returns the two values that phase p lies between, and how far.
func tableAt(table []float64, p float64) (i, next int, u float64) {
	at := p * float64(len(table))
	i = min(max(int(at), 0), len(table)-1)
	next = i + 1
	if next == len(table) {
		next = 0
	}
	return i, next, at - float64(i)
}

// phases recomputes into the frame scratch the phase that each frame read.
func phases(b *abi.Block, lane int, rate abi.Values) []float64 {
	p := b.FrameScratch(lane)
	last := b.Before(lane)[0]
	for n := range p {
		p[n] = last
		last = kernel.Advance(last, rate.At(n)/b.Rate)
	}
	return p
}

func wavetableFormula(f *kernel.Formula) {
	frequency, amplitude, table := f.Param(0), f.Param(1), f.Vector(2)
	values := f.Block.Vector(2, f.Lane)
	for n := range f.Frames() {
		before, hz := f.State(0), frequency(n)
		phase := f.Push(kernel.Advance(f.Value(before), f.Value(hz)/f.Block.Rate), f.Tangent(before)+f.Tangent(hz)/f.Block.Rate, kernel.Step{A: before, B: hz, ByA: 1, ByB: 1 / f.Block.Rate})
		f.SetState(0, phase)
		i, next, between := tableAt(values, f.Value(phase))
		u := f.Apply(phase, between, float64(len(table)), 0)
		f.Out(0, n, f.Mul(amplitude(n), f.Mix(u, table[i], table[next])))
	}
}
