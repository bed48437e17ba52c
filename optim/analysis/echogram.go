package analysis

import (
	"math"
	"slices"
)

// Bands of an echogram, octaves from half the rate down: the last is the highest,
// the first all that is left below.
const Bands = 12

// Limits of an echogram.
const (
	echoRidge  = 1e-4  // of the mean power of the dry sound
	echoDirect = 0.001 // s, part of the response that counts as the dry sound
	echoLong   = 60.0  // s of the sound at most; the transforms are of all of it
)

// Echogram is what the dry sound and the target say of a room.
type Echogram struct {
	Direct   float64 // part of the dry sound in the target
	Predelay float64 // s, until the reverberation
	Decays   []float64
	Energies []float64 // Σ h² of the reverberation in each band
}

// Listen divides the spectra of target and dry sound, and measures the decay of
// the response in octaves. It returns nil where there is nothing to measure.
func Listen(dry, target []float64, rate float64) *Echogram {
	first, most := int(echoDirect*rate), int(echoLong*rate)
	dry, target = dry[:min(len(dry), len(target), most)], target[:min(len(target), most)]
	if len(target) <= first {
		return nil
	}
	d := newDivision(lengthFor(len(dry)+len(target)), [][]float64{dry}, [][]float64{target})
	power := mean(d.power)
	if power == 0 {
		return nil
	}
	h, g := d.quotient(echoRidge * power)
	left := d.back(spectrum{g, make([]float64, len(g))})[0]
	response := slices.Clone(d.back(h)[:len(target)])
	r := &Echogram{Direct: response[0] / left}
	peak := 0.0
	for _, v := range response[first:] {
		peak = math.Max(peak, math.Abs(v))
	}
	if peak == 0 {
		return nil
	}
	for at := first; at < len(response); at++ {
		if math.Abs(response[at]) > peak/4 {
			r.Predelay = float64(at) / rate
			break
		}
	}
	// The dry part leaves its own response, G, behind: taken off before the bands.
	for k := range g {
		h.re[k] -= r.Direct * g[k]
	}
	band := d.empty()
	for b := range Bands {
		passed, total := 0.0, 0.0 // of the band: what the division lets through
		for k := range g {
			w := BandShape(float64(2*max(k, 1))/float64(len(d.pad)), b)
			band.re[k], band.im[k] = w*h.re[k], w*h.im[k]
			passed += w * w * g[k] * g[k]
			total += w * w
		}
		t60, energy := responseDecay(d.back(band)[:len(target)], rate)
		if passed > 0 {
			energy *= total / passed
		}
		r.Decays, r.Energies = append(r.Decays, t60), append(r.Energies, energy)
	}
	return r
}

// BandShape is the amplitude of a band at a frequency, a part of half the rate.
func BandShape(frequency float64, band int) float64 {
	place := math.Min(math.Max(math.Log2(frequency)+Bands-0.5, 0), Bands-1)
	if apart := math.Abs(place - float64(band)); apart < 1 {
		c := math.Cos(math.Pi / 2 * apart)
		return c * c
	}
	return 0
}

// Decay is the decay of the bands whose middles lie in a range, weighed by
// their energy; 0 when nothing is known.
func (r *Echogram) Decay(lo, hi, rate float64) float64 {
	sum, weight := 0.0, 0.0
	for b, t := range r.Decays {
		middle := rate / 2 * math.Exp2(float64(b)-Bands+0.5)
		if t > 0 && middle >= lo && middle < hi {
			w := math.Sqrt(r.Energies[b])
			sum += w * math.Log(t)
			weight += w
		}
	}
	if weight == 0 {
		return 0
	}
	return math.Exp(sum / weight)
}
