package search

import (
	"math"
	"math/bits"
	"slices"

	"ampfit/graph"
	"ampfit/internal/fft"
	"ampfit/optim/method"
)

// reverberators are the node types whose tail no fit of the waveform can follow
// unless the target came from the same.
var reverberators = []string{"FDNNode", "NoiseReverbNode", "CombNode"}

// reverberates reports whether learned parameters belong to a reverberator: a
// network of delays, shaped noise, or several combs.
func (o *GraphObjective) reverberates() bool {
	combs := map[string]bool{}
	for _, u := range o.Model.Plan.Units {
		if u.Filter || !slices.Contains(reverberators, u.Type.Name) || !slices.ContainsFunc(o.Variables, func(v Variable) bool { return v.Param.Node == u.Name }) {
			continue
		}
		if u.Type.Name != "CombNode" {
			return true
		}
		combs[u.Name] = true
	}
	return len(combs) > 1
}

// Bands of an echogram, octaves from half the rate down as NoiseReverbNode has
// them: the last is the highest, the first all that is left below.
const roomBands = 12

// Limits of an echogram.
const (
	roomRidge  = 1e-4  // of the mean power of the dry sound
	roomBlock  = 0.01  // s
	roomDirect = 0.001 // s, part of the response that counts as the dry sound
	roomFall   = 25    // dB over which a decay is measured
	roomLong   = 60.0  // s of the sound at most; the transforms are of all of it
)

// echogram is what the dry sound and the target say of a room.
type echogram struct {
	direct   float64 // part of the dry sound in the target
	predelay float64 // s, until the reverberation
	decays   []float64
	energies []float64 // Σ h² of the reverberation in each band
}

// listen divides the spectra of target and dry sound, and measures the decay of
// the response in octaves. It returns nil where there is nothing to measure.
func listen(dry, target []float64, rate float64) *echogram {
	first := int(roomDirect * rate)
	if len(target) <= first {
		return nil
	}
	n := 1 << bits.Len(uint(len(dry)+len(target)-1))
	plan := fft.NewPlan(n)
	bins := plan.Bins()
	work, pad := plan.Scratch(), make([]float64, n)
	spectrum := func(x []float64) (re, im []float64) {
		re, im = make([]float64, bins), make([]float64, bins)
		clear(pad[copy(pad, x):])
		plan.Forward(re, im, pad, work)
		return re, im
	}
	xr, xi := spectrum(dry)
	yr, yi := spectrum(target)
	mean := 0.0
	for k := range xr {
		mean += (xr[k]*xr[k] + xi[k]*xi[k]) / float64(bins)
	}
	if mean == 0 {
		return nil
	}
	// H is the response, G what the division makes of an impulse.
	hr, hi, g := make([]float64, bins), make([]float64, bins), make([]float64, bins)
	for k := range hr {
		e := xr[k]*xr[k] + xi[k]*xi[k]
		w := 1 / (e + roomRidge*mean)
		hr[k], hi[k], g[k] = w*(yr[k]*xr[k]+yi[k]*xi[k]), w*(yi[k]*xr[k]-yr[k]*xi[k]), w*e
	}
	zero := make([]float64, bins)
	plan.Inverse(pad, g, zero, work)
	impulse := pad[0]
	plan.Inverse(pad, hr, hi, work)
	r := &echogram{direct: pad[0] / impulse}
	tail := slices.Clone(pad[:len(target)])
	peak := 0.0
	for _, v := range tail[first:] {
		peak = math.Max(peak, math.Abs(v))
	}
	if peak == 0 {
		return nil
	}
	for at := first; at < len(tail); at++ {
		if math.Abs(tail[at]) > peak/4 {
			r.predelay = float64(at) / rate
			break
		}
	}
	// The dry part leaves its own response, G, behind: taken off before the bands.
	for k := range hr {
		hr[k] -= r.direct * g[k]
	}
	br, bi := make([]float64, bins), make([]float64, bins)
	for b := range roomBands {
		heard := 0.0 // part of the band that the division hears
		total := 0.0
		for k := range br {
			w := bandShape(float64(2*max(k, 1))/float64(n), b)
			br[k], bi[k] = w*hr[k], w*hi[k]
			heard += w * w * g[k] * g[k]
			total += w * w
		}
		plan.Inverse(pad, br, bi, work)
		t60, energy := decay(pad[:len(target)], rate)
		if heard > 0 {
			energy *= total / heard
		}
		r.decays, r.energies = append(r.decays, t60), append(r.energies, energy)
	}
	return r
}

// bandShape is the amplitude of a band at a frequency, a part of half the rate.
func bandShape(frequency float64, band int) float64 {
	place := math.Min(math.Max(math.Log2(frequency)+roomBands-0.5, 0), roomBands-1)
	if apart := math.Abs(place - float64(band)); apart < 1 {
		c := math.Cos(math.Pi / 2 * apart)
		return c * c
	}
	return 0
}

// decay is the time to −60 dB of a response, from a straight line through the
// levels of its blocks, and its energy; 0 s where it does not fall enough.
func decay(h []float64, rate float64) (t60, energy float64) {
	size := max(int(roomBlock*rate), 1)
	var levels []float64
	for at := 0; at+size <= len(h); at += size {
		e := method.Dot(h[at:at+size], h[at:at+size])
		energy += e
		levels = append(levels, e)
	}
	if energy == 0 || len(levels) < 8 {
		return 0, energy
	}
	floor := slices.Clone(levels[len(levels)*3/4:])
	slices.Sort(floor)
	least := 4 * floor[len(floor)/2] // 6 dB above what is there at the end
	loud := 0
	for i, e := range levels {
		if e > levels[loud] {
			loud = i
		}
	}
	least = math.Max(least, levels[loud]*math.Pow(10, -roomFall/10))
	var n, sx, sy, sxx, sxy float64
	for i := loud; i < len(levels) && (levels[i] > least || n < 4); i++ {
		x, y := float64(i-loud), 10*math.Log10(math.Max(levels[i], 1e-300))
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
	if !(slope < 0) {
		return 0, energy
	}
	return math.Min(math.Max(-60/slope*float64(size)/rate, 0.05), 20), energy
}

// between is the decay of the bands whose middles lie in a range, weighed by
// their energy; 0 when nothing is known.
func (r *echogram) between(lo, hi, rate float64) float64 {
	sum, weight := 0.0, 0.0
	for b, t := range r.decays {
		middle := rate / 2 * math.Exp2(float64(b)-roomBands+0.5)
		if t > 0 && middle >= lo && middle < hi {
			w := math.Sqrt(r.energies[b])
			sum += w * math.Log(t)
			weight += w
		}
	}
	if weight == 0 {
		return 0
	}
	return math.Exp(sum / weight)
}

// rooms are points at which the reverberators decay as the target does, and the
// dry sound is as loud.
func (o *GraphObjective) rooms(x []float64) [][]float64 {
	if len(o.dry) == 0 || !o.reverberates() {
		return nil
	}
	rate := o.Model.Plan.Rate
	frames := min(len(o.target)/o.channels, int(roomLong*rate))
	r := listen(o.dry[0][:min(frames, len(o.dry[0]))], o.target[:frames], rate)
	if r == nil {
		return nil
	}
	all := r.between(60, 8000, rate)
	if all == 0 {
		return nil
	}
	p := slices.Clone(x)
	mix := o.mixOf()
	wet := 1.0
	if mix >= 0 {
		wet = math.Min(math.Max(1-r.direct, 0.05), 0.95)
		o.put(p, o.Variables[mix].Param, wet)
	}
	for _, u := range o.Model.Plan.Units {
		if u.Filter {
			continue
		}
		switch u.Type.Name {
		case "FDNNode":
			o.setAll(p, u, "t60_s", func(k, n int) float64 {
				if t := r.between(6000, rate/2, rate); k == 1 && t > 0 {
					return t
				}
				return all
			})
		case "NoiseReverbNode":
			o.noiseRoom(p, u, r, all, wet)
		case "CombNode":
			if t := o.Model.Param(u.Name, "time_ms"); t != nil {
				time := t.Values[0]
				if i := o.variable(t); i >= 0 { // the model may stand at another point
					time, _ = o.Variables[i].Value(p[i])
				}
				o.setAll(p, u, "gain", func(int, int) float64 { return math.Pow(10, -3*time/1000/all) })
			}
		}
	}
	o.levelRoom(p, r)
	return [][]float64{p}
}

// mixOf is the variable of the mix of dry and wet, -1 where none is learned.
func (o *GraphObjective) mixOf() int {
	for i := range o.Variables {
		if v := &o.Variables[i]; v.Param.Name == "mix" && len(v.Param.Values) == 1 {
			return i
		}
	}
	return -1
}

// setAll sets the learned elements of a unit's parameter.
func (o *GraphObjective) setAll(p []float64, u *graph.Unit, name string, value func(k, n int) float64) {
	for i := range o.Variables {
		v := &o.Variables[i]
		if v.Param.Node == u.Name && v.Param.Name == name {
			margin := 0.0
			if !math.IsInf(v.Hi-v.Lo, 0) {
				margin = 1e-6 * (v.Hi - v.Lo)
			}
			p[i] = v.Unbounded(math.Min(math.Max(value(v.Element, len(v.Param.Values)), v.Lo+margin), v.Hi-margin))
		}
	}
}

// noiseRoom gives the bands of shaped noise the decays and energies of the
// target. A band of noise with the part w of the spectrum's power has the energy
// w decay gain².
func (o *GraphObjective) noiseRoom(p []float64, u *graph.Unit, r *echogram, all, wet float64) {
	decay := func(k int) float64 {
		if r.decays[k] > 0 {
			return math.Min(math.Max(r.decays[k], all/4), all*4)
		}
		return all
	}
	o.setAll(p, u, "decays_s", func(k, _ int) float64 { return decay(k) })
	o.setAll(p, u, "predelay_ms", func(int, int) float64 { return 1000 * r.predelay })
	o.setAll(p, u, "gains_db", func(k, _ int) float64 {
		part := 0.0
		const steps = 4096
		for i := range steps {
			w := bandShape((float64(i)+0.5)/steps, k)
			part += w * w / steps
		}
		return 10 * math.Log10(math.Max(r.energies[k], 1e-12)/(part*decay(k)*wet*wet))
	})
}

// levelRoom scales the outputs of a network of delays, or the gain after it, so
// that what is wet is as loud as in the target.
func (o *GraphObjective) levelRoom(p []float64, r *echogram) {
	level, kind := -1, ""
	for i := range o.Variables {
		if v := &o.Variables[i]; v.Element == 0 && v.Param.Name == "out_gains" {
			level = i
		}
	}
	if level < 0 {
		level, kind = o.levelVariable()
	}
	mix := o.mixOf()
	if level < 0 || mix < 0 {
		return
	}
	if name := o.Variables[level].Param.Name; name != "out_gains" && name != "gain" && name != "gain_db" && name != "level" {
		return
	}
	wet, _ := o.Variables[mix].Value(p[mix])
	q := slices.Clone(p)
	o.put(q, o.Variables[mix].Param, o.Variables[mix].Hi)
	o.Set(q)
	o.Model.Forward()
	o.count(1)
	have := math.Sqrt(method.Dot(o.Model.Output, o.Model.Output))
	want := 0.0
	frames := len(o.target) / o.channels
	for n, v := range o.target[:frames] {
		e := v
		if n < len(o.dry[0]) {
			e -= r.direct * o.dry[0][n]
		}
		want += e * e
	}
	if have == 0 || want == 0 {
		return
	}
	factor := math.Sqrt(want*float64(o.channels)) / have / wet
	for i := level; i < len(o.Variables) && o.Variables[i].Param == o.Variables[level].Param; i++ {
		v := &o.Variables[i]
		value, _ := v.Value(p[i])
		if kind == "dB" {
			value += 20 * math.Log10(factor)
		} else {
			value *= factor
		}
		margin := 0.0
		if !math.IsInf(v.Hi-v.Lo, 0) {
			margin = 1e-6 * (v.Hi - v.Lo)
		}
		p[i] = v.Unbounded(math.Min(math.Max(value, v.Lo+margin), v.Hi-margin))
	}
}
