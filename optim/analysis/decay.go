package analysis

import (
	"math"
	"slices"
)

// DecayTime is the time in which the sound after its loudest moment falls by
// 60 dB, from the slope of its energy between -3 and -30 dB; 0 when it never
// falls so far.
//
// Source: M. R. Schroeder, New Method of Measuring Reverberation Time, JASA 37,
// 1965 (the backward integral).
func DecayTime(x []float64, rate float64) float64 {
	const step = 64
	var energy []float64
	for at := 0; at < len(x); at += step {
		e := 0.0
		for _, v := range x[at:min(at+step, len(x))] {
			e += v * v
		}
		energy = append(energy, e)
	}
	left := make([]float64, len(energy))
	sum, loud := 0.0, 0
	for i := len(energy) - 1; i >= 0; i-- {
		sum += energy[i]
		left[i] = sum
		if energy[i] >= energy[loud] {
			loud = i
		}
	}
	if sum == 0 {
		return 0
	}
	cross := func(db float64) int {
		level := left[loud] * math.Pow(10, db/10)
		for i := loud; i < len(left); i++ {
			if left[i] < level {
				return i
			}
		}
		return -1
	}
	from, to := cross(-3), cross(-30)
	if from < 0 || to <= from {
		return 0
	}
	return float64(to-from) * step / rate * 60 / 27
}

// Limits of the decay of a response.
const (
	responseBlock = 0.01 // s
	responseFall  = 25   // dB over which it is measured
)

// responseDecay is the time to −60 dB of a response, from a straight line through the
// levels of its blocks, and its energy; 0 s where it does not fall enough.
func responseDecay(h []float64, rate float64) (t60, energy float64) {
	size := max(int(responseBlock*rate), 1)
	var levels []float64
	for at := 0; at+size <= len(h); at += size {
		e := dot(h[at:at+size], h[at:at+size])
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
	least = math.Max(least, levels[loud]*math.Pow(10, -responseFall/10))
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
