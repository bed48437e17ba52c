package kernel

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
)

// Loudest writes the largest absolute value of all channels of a port.
func Loudest(level []float64, b *abi.Block, port, lane int) {
	for n, x := range b.InCh(port, 0, lane) {
		level[n] = math.Abs(x)
	}
	for c := 1; c < b.InChannels(port); c++ {
		for n, x := range b.InCh(port, c, lane) {
			if x = math.Abs(x); x > level[n] {
				level[n] = x
			}
		}
	}
}

// LoudestAt returns the first channel with the largest absolute value, and it.
func LoudestAt(b *abi.Block, port, lane, n int) (channel int, x float64) {
	x = b.InCh(port, 0, lane)[n]
	for c := 1; c < b.InChannels(port); c++ {
		if v := b.InCh(port, c, lane)[n]; math.Abs(v) > math.Abs(x) {
			channel, x = c, v
		}
	}
	return channel, x
}

// MeanOfOthers writes the mean of the channels after the first, 0 without.
func MeanOfOthers(b *abi.Block, lane int, m []float64) {
	clear(m)
	others := b.InChannels(0) - 1
	for c := range others {
		vec.Add(m, b.InCh(0, c+1, lane))
	}
	for n := range m {
		m[n] /= float64(max(others, 1))
	}
}

// SumOfChannels writes the sum of the channels of the first input port to dst.
func SumOfChannels(b *abi.Block, dst []float64, lane int) []float64 {
	x := b.InCh(0, 0, lane)
	dst = dst[:len(x)]
	copy(dst, x)
	for c := 1; c < b.InChannels(0); c++ {
		vec.Add(dst, b.InCh(0, c, lane))
	}
	return dst
}
