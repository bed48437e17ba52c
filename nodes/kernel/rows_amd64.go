//go:build !noasm

package kernel

//go:generate go -C ../../internal/asmgen run ./rows -pkg kernel -out ../../nodes/kernel/rowkernels_amd64.s -stubs ../../nodes/kernel/rowkernels_amd64.go

// Each of these does the first frames of what its plain counterpart in rows.go
// or lines.go does, and returns how many.

func rowsAddFast(dst, weights, rows []float64, stride, step int) int {
	count, n := len(dst)/4, (len(weights)+step-1)/step
	if !AVX2 || count == 0 || n == 0 {
		return 0
	}
	_ = rows[(n-1)*stride+len(dst)-1]
	rowsAddAVX2(&dst[0], count, &weights[0], 8*step, &rows[0], 8*stride, n)
	return 4 * count
}

// rowsDotFast adds to the sums of four rows.
func rowsDotFast(dst, v, rows []float64, stride int) int {
	count := len(v) / 4
	if !AVX2 || count == 0 {
		return 0
	}
	_ = rows[3*stride+len(v)-1]
	var sums [4][4]float64
	rowsDotAVX2(&sums, &v[0], &rows[0], 8*stride, count)
	for j, s := range sums {
		dst[j] += (s[0] + s[1]) + (s[2] + s[3])
	}
	return 4 * count
}

func rowsTurnFast(rows []float64, n, stride, frames int) int {
	count := frames / 4
	if !AVX2 || count == 0 {
		return 0
	}
	_ = rows[(n-1)*stride+frames-1]
	half := 1
	if n >= 8 {
		for i := 0; i < n; i += 8 {
			rowsTurnEightAVX2(&rows[i*stride], 8*stride, count)
		}
		half = 8
	}
	for ; half < n; half *= 2 {
		for i := range n {
			if i&half == 0 {
				rowsTurnTwoAVX2(&rows[i*stride], 8*half*stride, count)
			}
		}
	}
	return 4 * count
}

func rowsBlendFast(dst, a, x []float64, s, g float64) int {
	count := len(dst) / 4
	if !AVX2 || count == 0 {
		return 0
	}
	_, _ = a[len(dst)-1], x[len(dst)-1]
	rowsBlendAVX2(&dst[0], &a[0], &x[0], s, g, count)
	return 4 * count
}

func rowsTakeFast(dst, lambda, x, dx []float64, g float64) (sum float64, frames int) {
	count := len(dst) / 4
	if !AVX2 || count == 0 {
		return 0, 0
	}
	_, _, _ = lambda[len(dst)-1], x[len(dst)-1], dx[len(dst)-1]
	var s [4]float64
	rowsTakeAVX2(&s, &dst[0], &lambda[0], &x[0], &dx[0], g, count)
	return (s[0] + s[1]) + (s[2] + s[3]), 4 * count
}

// rowsEndsFast runs the low-passes of up to eight lines, and returns how many
// lines and frames it did.
func rowsEndsFast(l []float64, stride, count int, past [][]float64, coefs []float64, width int, state []float64) (lines, frames int) {
	four := count / 4
	if !AVX2 || four == 0 || len(past) < 4 {
		return 0, 0
	}
	lines = 4 * min(len(past)/4, 2)
	_ = l[(lines-1)*stride+count-1]
	var rows [8]*float64
	var c [16]float64
	for i := range lines {
		_ = past[i][count-1]
		rows[i] = &past[i][0]
		c[i], c[lines+i] = coefs[width*i], coefs[width*i+1]
	}
	_ = state[lines-1]
	if lines == 8 {
		rowsEndsEightAVX2(&l[0], 8*stride, &rows[0], &c[0], &state[0], four)
	} else {
		rowsEndsFourAVX2(&l[0], 8*stride, &rows[0], &c[0], &state[0], four)
	}
	return lines, 4 * four
}

// rowsBackFast runs four lines back over a whole number of four frames.
func rowsBackFast(rows []float64, stride int, dy []float64, scale float64, outs, coefs []float64, width int, carry []float64) {
	frames := len(dy)
	_ = rows[3*stride+frames-1]
	var c [2][4]float64
	for i := range 4 {
		c[0][i], c[1][i] = outs[i], coefs[width*i+1]
	}
	rowsBackFourAVX2(&rows[frames-4], 8*stride, &dy[frames-4], scale, &c, (*[4]float64)(carry), frames/4)
}

// rowsLineFast works on the frames of l from 1 on, as it needs the one before.
func rowsLineFast(g, l, v, dv, dy []float64, f float64) [3]float64 {
	frames := len(g)
	_, _, _, _ = l[frames], v[frames-1], dv[frames-1], dy[frames-1]
	var s [3][4]float64
	rowsLineAVX2(&s, &g[0], &l[1], &v[0], &dv[0], &dy[0], f, frames/4)
	var sums [3]float64
	for i, s := range s {
		sums[i] = (s[0] + s[1]) + (s[2] + s[3])
	}
	return sums
}

// rowsConvolveFast writes Σ h[k] x[n-k]; x[0] stands len(y) before the end of row.
func rowsConvolveFast(y, row, h []float64) int {
	now, count := len(row)-len(y), len(y)/4
	if !AVX2 || count == 0 || len(h) == 0 {
		return 0
	}
	_ = row[now-len(h)+1]
	clear(y[:4*count])
	rowsAddAVX2(&y[0], count, &h[0], 8, &row[now], -8, len(h))
	return 4 * count
}
