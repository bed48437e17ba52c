package kernel

import "math"

// splitmix is the output function of splitmix64: a bijection that mixes well.
func splitmix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Gaussian fills y with normal numbers that depend on seed, channel and frame.
// Frames 2k and 2k+1 are the two results of one Box–Muller transform.
func Gaussian(y []float64, seed uint64, channel int, frame int64) {
	key := splitmix(splitmix(seed) + uint64(channel))
	for n := 0; n < len(y); {
		at := frame + int64(n)
		pair := splitmix(key + 2*uint64(at>>1))
		turn := splitmix(key + 2*uint64(at>>1) + 1)
		u := (float64(pair>>11) + 0.5) * 0x1p-53 // in (0, 1), so that the logarithm is finite
		p := float64(turn>>11) * 0x1p-53
		r := math.Sqrt(-2 * math.Log(u))
		if at&1 == 0 {
			y[n] = r * CosTurn(p)
			n++
			if n == len(y) {
				return
			}
		}
		y[n] = r * SinTurn(p)
		n++
	}
}
