package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	short := []float64{3, 1, 7, 12}
	configs["FDNNode"] = []abi.Config{
		{"lines": 4.0, "delays": short},
		{"lines": 4.0, "delays": short, "matrix": "orthogonal"},
		{"lines": 4.0, "delays": short, "bands": 2.0},
		{"lines": 3.0, "delays": short[:3], "matrix": "householder"},
		{"lines": 5.0, "delays": []float64{9, 5, 2, 14, 11}, "matrix": "orthogonal"},
	}
}

// The plain recurrence, with the matrix written out.
func TestFDNIsItsRecurrence(t *testing.T) {
	delays := []float64{5, 9, 14, 6}
	h := [4][4]float64{{1, 1, 1, 1}, {1, -1, 1, -1}, {1, 1, -1, -1}, {1, -1, -1, 1}}
	ins, outs, gains := []float64{1, 2, -1, 0.5}, []float64{0.3, 1, 1, -2}, []float64{0.9, 0.8, -0.7, 0.95}
	x := abitest.Noise(300, 1)
	y := abitest.Run(t, "FDNNode", abitest.P{"in_gains": ins, "out_gains": outs, "gains": gains, "config": abi.Config{"lines": 4.0, "delays": delays}}, x)
	var v [4][300]float64
	for n := range x {
		var l [4]float64
		want := 0.0
		for j, m := range delays {
			if n >= int(m) {
				l[j] = gains[j] * v[j][n-int(m)]
			}
			want += outs[j] * l[j]
		}
		for i := range v {
			v[i][n] = ins[i] * x[n]
			for j := range l {
				v[i][n] += h[i][j] / 2 * l[j]
			}
		}
		require.InDelta(t, want, y[n], 1e-12)
	}
}

// Without losses the energy that circulates stays: the matrix is orthogonal
// whatever the skew matrix. The energy of four unit lines is that in the lines.
func TestFDNMatrixStaysOrthogonal(t *testing.T) {
	for _, matrix := range []string{"hadamard", "householder", "orthogonal"} {
		p := abitest.P{"out_gains": []float64{1, 0, 0, 0}, "in_gains": []float64{1, 0, 0, 0}, "t60_s": []float64{1000},
			"config": abi.Config{"lines": 4.0, "delays": []float64{1, 1, 1, 1}, "matrix": matrix}}
		if matrix == "orthogonal" {
			p["matrix"] = []float64{0.3, -2, 1.1, 3, 0.2, -0.7}
		}
		energy := make([]float64, 40)
		for j := range 4 {
			outs := make([]float64, 4)
			outs[j] = 1
			p["out_gains"] = outs
			for n, v := range abitest.Run(t, "FDNNode", p, abitest.Impulse(40)) {
				energy[n] += v * v
			}
		}
		for n := 1; n < 40; n++ {
			require.InDelta(t, math.Pow(10, -6*float64(n)/(1000*abitest.Rate)), energy[n], 1e-12, matrix)
		}
	}
}

// The tail falls by 60 dB in t60_s.
func TestFDNDecays(t *testing.T) {
	for _, config := range []abi.Config{{}, {"bands": 2.0}} {
		t60 := []float64{0.4}
		if config["bands"] != nil {
			t60 = []float64{0.4, 0.4}
		}
		y := abitest.Run(t, "FDNNode", abitest.P{"t60_s": t60, "config": config}, abitest.Impulse(24000))
		power := func(from, to int) float64 {
			e := 0.0
			for _, v := range y[from:to] {
				e += v * v
			}
			return 10 * math.Log10(e)
		}
		// 0.2 s apart; 2 dB for the chance of the echoes.
		require.InDelta(t, -60*0.2/0.4, power(4800+9600, 24000)-power(4800, 14400), 2)
	}
}
