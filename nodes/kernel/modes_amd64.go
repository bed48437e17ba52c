//go:build !noasm

package kernel

//go:generate go -C ../../internal/asmgen run ./modes -pkg kernel -out ../../nodes/kernel/modekernels_amd64.s -stubs ../../nodes/kernel/modekernels_amd64.go

// modesTable and modesState are the sizes of what 16 modes have.
const (
	modesTable = 48
	modesState = 32
)

// modesLoad copies c1, c2 and A, and two values that each has, of up to 16 modes
// from k on; the rest is silent.
func modesLoad(table, state, coefs []float64, width int, values []float64, k int) {
	clear(table[:modesTable])
	clear(state[:modesState])
	for i := range min(16, len(values)/2-k) {
		c, s := coefs[width*(k+i):], values[2*(k+i):]
		table[i], table[16+i], table[32+i] = c[modeC1], c[modeC2], c[modeA]
		state[i], state[16+i] = s[0], s[1]
	}
}

func modesStore(state, values []float64, k int) {
	for i := range min(16, len(values)/2-k) {
		values[2*(k+i)], values[2*(k+i)+1] = state[i], state[16+i]
	}
}

func modesForwardFast(y, x, values, coefs []float64, width int, m, wide []float64) {
	table, state := m[:modesTable], m[modesTable:][:modesState]
	wide = wide[:4*len(x)]
	clear(wide)
	for k := 0; k < len(values)/2; k += 16 {
		modesLoad(table, state, coefs, width, values, k)
		modesForwardAVX2(&wide[0], &x[0], len(x), &table[0], &state[0])
		modesStore(state, values, k)
	}
	for n := range y {
		w := wide[4*n:][:4]
		y[n] = (w[0] + w[1]) + (w[2] + w[3])
	}
}

// modesBackwardFast has in free four values a frame of x̄, and u[n-1] of eight modes,
// whose first row is that before the frames.
func modesBackwardFast(dx, dy, x, before, dstate, coefs []float64, width int, m, free []float64, spread func(mode int, dc1, dc2, da float64)) {
	table, state, dual := m[:modesTable], m[modesTable:][:modesState], m[modesTable+modesState:][:modesState]
	frames := len(x)
	wide, rows := free[:4*frames], free[4*frames:][:8*frames+8]
	clear(wide)
	for k := 0; k < len(before)/2; k += 16 {
		modesLoad(table, state, coefs, width, before, k)
		modesLoad(table, dual, coefs, width, dstate, k)
		for half := 0; half < 16 && k+half < len(before)/2; half += 8 {
			copy(rows[:8], state[16+half:])
			var sums [3][8]float64
			modesStatesAVX2(&rows[8], &x[0], frames, &table[half], &state[half])
			modesBackwardAVX2(&rows[8*frames], &wide[4*frames-4], &dy[frames-1], frames, &table[half], &dual[half], &sums)
			for i := range min(8, len(before)/2-k-half) {
				spread(k+half+i, sums[1][i], sums[2][i], sums[0][i])
			}
		}
		modesStore(dual, dstate, k)
	}
	for n := range dx {
		w := wide[4*n:][:4]
		dx[n] += (w[0] + w[1]) + (w[2] + w[3])
	}
}
