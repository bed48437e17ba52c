package loss_test

import (
	"testing"

	"ampfit/optim/loss"

	"github.com/stretchr/testify/require"
)

// The error of a stretch is that of the stretch alone, and so is its gradient.
func TestHeadIsErrorOfStretch(t *testing.T) {
	target := []float64{1, 2, 3, 4, -1, 0.5, 2, 1} // two channels
	x := []float64{1.5, 1, 9, 9, -2, 1, 9, 9}
	head, err := loss.NewHead(target, 2, 2)
	require.NoError(t, err)
	esr, err := loss.NewESR([]float64{1, 2, -1, 0.5}, loss.Options{Channels: 2})
	require.NoError(t, err)
	g, want := make([]float64, 8), make([]float64, 4)
	require.Equal(t, esr.Evaluate(want, []float64{1.5, 1, -2, 1}), head.Evaluate(g, x))
	require.Equal(t, []float64{want[0], want[1], 0, 0, want[2], want[3], 0, 0}, g)
	require.True(t, loss.Quadratic(head))

	_, err = loss.NewHead(target, 2, 5)
	require.ErrorContains(t, err, "the target has 4")
	_, err = loss.NewHead([]float64{0, 0, 1}, 1, 2)
	require.ErrorContains(t, err, "silent")
}

// What lies below the floor, a fraction of the loudest, makes no difference.
func TestFloorLeavesOutWhatIsQuiet(t *testing.T) {
	target, x := make([]float64, 4096), make([]float64, 4096)
	for n := range target {
		target[n] = float64(n%64)/32 - 1
		x[n] = target[n]
		if n%2 == 0 {
			x[n] += 1e-5
		}
	}
	plain, err := loss.Parse("mrstft(512/128)", target, 1, 8000)
	require.NoError(t, err)
	floored, err := loss.Parse("mrstft(512/128, floor=0.01)", target, 1, 8000)
	require.NoError(t, err)
	require.Equal(t, "mrstft(512/128, hop=n/4, floor=0.01)", floored.Name())
	require.Less(t, floored.Evaluate(nil, x), plain.Evaluate(nil, x))
	g := make([]float64, len(x))
	const h = 1e-6
	for n := range x {
		x[n] *= 1.1
	}
	floored.Evaluate(g, x)
	for _, n := range []int{3, 700, 2048, 4000} {
		v := x[n]
		x[n] = v + h
		up := floored.Evaluate(nil, x)
		x[n] = v - h
		down := floored.Evaluate(nil, x)
		x[n] = v
		require.InDelta(t, (up-down)/(2*h), g[n], 1e-6)
	}
	for _, bad := range []string{"mrstft(512, floor=1)", "mrstft(512, floor=-0.1)"} {
		_, err = loss.Parse(bad, target, 1, 8000)
		require.ErrorContains(t, err, "a floor of")
	}
}

// As metrics the ratios go on where the ε of the losses ends them.
func TestRatiosOfMetricsHaveNoFloor(t *testing.T) {
	y, x := make([]float64, 2000), make([]float64, 2000)
	for n := range y {
		y[n] = float64(n%7)/7 - 3.0/7
		x[n] = y[n] + 1e-8*float64(n%2*2-1)
	}
	for _, m := range loss.Metrics(x, y, 1, 8000) {
		switch m.Name {
		case "snr_db", "sd_sdr_db", "si_sdr_db":
			require.InDelta(t, 149.12, m.Value, 0.05, m.Name) // 10 log10(28/343 / 1e-16)
		}
	}
	for _, m := range loss.Metrics(y, y, 1, 8000) {
		if m.Name == "snr_db" {
			require.InDelta(t, 200, m.Value, 1e-6)
		}
	}
}
