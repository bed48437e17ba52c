package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows of any length agree with the mathematics, and bit for bit with one value
// at a time.
func TestElementaryRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float64, 4003)
	for n := range x {
		x[n] = 1400*rng.Float64() - 700
	}
	copy(x, []float64{0, 1, -1, 700, -700, 1e-9, math.Ln2, 0.5 * math.Ln2, 1e9, -1e9})
	y, back := make([]float64, len(x)), make([]float64, len(x))
	ExpRow(y, x)
	LogRow(back, y, 1e-310, 1)
	for n, x := range x {
		x = min(max(x, -700), 700)
		require.InEpsilon(t, math.Exp(x), y[n], 6e-16, "exp %v", x)
		require.InDelta(t, math.Log(y[n]), back[n], 2e-16*(1+math.Abs(x)), "log %v", y[n])
		require.Equal(t, expOne(x), y[n], "exp %v", x)
		require.Equal(t, logOne(y[n]), back[n], "log %v", y[n])
	}
	LogRow(back, y, 2, 3)
	for n, y := range y {
		require.Equal(t, 3*logOne(max(y, 2)), back[n])
	}
}
