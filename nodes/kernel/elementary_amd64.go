//go:build !noasm

package kernel

//go:generate go -C ../../internal/asmgen run ./elementary -pkg kernel -out ../../nodes/kernel/elementkernels_amd64.s -stubs ../../nodes/kernel/elementkernels_amd64.go

func logRowFast(dst, x []float64, floor, scale float64) int {
	if !AVX2 || len(x) < 4 {
		return 0
	}
	_ = dst[len(x)-1]
	logRowAVX2(&dst[0], &x[0], len(x)/4, &logTable, floor, scale)
	return len(x) &^ 3
}

func expRowFast(dst, x []float64) int {
	if !AVX2 || len(x) < 4 {
		return 0
	}
	_ = dst[len(x)-1]
	expRowAVX2(&dst[0], &x[0], len(x)/4, &expTable)
	return len(x) &^ 3
}

func followRowsFast(e, q, level []float64, attack, release float64, state []float64) {
	if len(level) == 0 {
		return
	}
	_, _, _ = e[len(level)-1], q[len(level)-1], state[1]
	coefs := [4]float64{attack, 1 - attack, release, 1 - release}
	if attack <= release {
		followLargerAVX2(&e[0], &q[0], &level[0], len(level), &coefs, &state[0])
	} else {
		followSmallerAVX2(&e[0], &q[0], &level[0], len(level), &coefs, &state[0])
	}
}

func kneeGainFast(row []float64, table *[5]float64) int {
	if !AVX2 || len(row) < 4 {
		return 0
	}
	kneeGainAVX2(&row[0], len(row)/4, table)
	return len(row) &^ 3
}

func kneeBackFast(g, level []float64, table *[5]float64) (frames int, byGain, byKnee, byLevel float64) {
	if !AVX2 || len(g) < 4 {
		return 0, 0, 0, 0
	}
	_ = level[len(g)-1]
	var s [3][4]float64
	kneeBackAVX2(&g[0], &level[0], len(g)/4, table, &s)
	sum := func(v [4]float64) float64 { return (v[0] + v[1]) + (v[2] + v[3]) }
	return len(g) &^ 3, sum(s[0]), sum(s[1]), sum(s[2])
}
