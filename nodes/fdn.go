package nodes

import (
	"math"
	"math/bits"
	"slices"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(fdn) }

// fdn is N delay lines of m_j frames that feed each other through an orthogonal
// matrix A. Each line has a one-pole filter at its end:
//
//	l_j[n] = f_j v_j[n-m_j] + p_j l_j[n-1]
//	v_i[n] = b_i x[n] + Σ_j A_ij l_j[n],   y[n] = Σ_j c_j l_j[n]
//
// The lines are internal rows, whose duals collect what the ends of the lines
// hand back, m_j frames earlier. Running back in time, with λ_i the dual of
// v_i[n]:
//
//	x̄ += Σ b_i λ_i,   b̄_i += x λ_i,   Ā_ij += λ_i l_j
//	l̄_j = c_j ȳ + Σ_i A_ij λ_i + p_j l̄_j[n+1],   c̄_j += l_j ȳ
//	v_j[n-m_j] += f_j l̄_j,   f̄_j += v_j[n-m_j] l̄_j,   p̄_j += l_j[n-1] l̄_j
//
// As no line is shorter than the shortest, up to so many frames are independent
// of each other and taken row by row, the matrix too.
//
// A is Hadamard's or Householder's matrix, or that times exp(S) with S skew,
// whose entries above the diagonal are the parameter: orthogonal whatever they
// are. With G = H^T Ā, S̄ is the derivative of exp at S^T in the direction of G,
// and that of an entry is S̄_ij - S̄_ji.
var fdn = abi.NodeType{
	Name: "FDNNode", Family: timeBased,
	Doc: "Feedback delay network: a reverberator of delay lines that feed each other through an orthogonal matrix.",
	Detail: "v_i = in_gains_i x + Σ_j A_ij l_j, y = Σ_j out_gains_j l_j, l_j the damped end of line j: no direct sound. " +
		"Losses are gains, one per line, or t60_s, the time to −60 dB, from which each line's gain follows by its length. bands: 2 makes t60_s two times, at low frequencies and at half the rate, by a one-pole filter per line after Jot. " +
		"damping_hz, when given, is a one-pole low-pass per line beside them; two bands have no damping_hz. " +
		"matrix: hadamard (lines a power of two), householder, or orthogonal: one of these times exp(S), S skew, its entries above the diagonal row by row the parameter matrix; it stays orthogonal as it is learned, and starts at S = 0. " +
		"Delays are whole frames and have no slope.",
	Source: "J.-M. Jot, A. Chaigne, Digital Delay Networks for Designing Artificial Reverberators, AES 90, 1991; S. J. Schlecht, FDNTB: The Feedback Delay Network Toolbox, DAFx 2020; N. J. Higham, Functions of Matrices, 2008, §10.6.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "in_gains", Role: abi.Weights, Default: 1, Min: -10, Max: 10, Vector: true, Doc: "From the input to each line; 1/√lines unless given."},
		{Name: "out_gains", Role: abi.Level, Default: 1, Min: -10, Max: 10, Vector: true, Doc: "From each line to the output; ±1/√lines in turn unless given."},
		{Name: "t60_s", Role: abi.Decay, Unit: "s", Default: 2, Min: 0.01, Max: 1000, Scale: abi.Log, Vector: true, Doc: "Time to −60 dB, of each band; absent when gains are given."},
		{Name: "gains", Role: abi.Feedback, Default: 0.9, Min: -0.9999, Max: 0.9999, Vector: true, Doc: "Gain of each line, in the place of t60_s."},
		{Name: "damping_hz", Role: abi.Corner, Unit: "Hz", Default: 6000, Min: 10, MaxRate: 0.49, Scale: abi.Log, Vector: true, Doc: "Corner of a low-pass in each line; absent: none."},
		{Name: "matrix", Role: abi.Weights, Default: 0, Min: -math.Pi, Max: math.Pi, Vector: true, Doc: "Skew matrix above its diagonal, where config matrix is orthogonal."},
	},
	Config: []abi.Key{
		{Name: "lines", Kind: abi.Int, Default: 8.0, Min: 1, Max: 64, Doc: "Number of delay lines."},
		{Name: "delays", Kind: abi.Numbers, Doc: "Length of each line in frames; absent: primes from 25 to 80 ms."},
		{Name: "matrix", Kind: abi.String, Default: "hadamard", Enum: []string{"hadamard", "householder", "orthogonal"}, Doc: "Feedback matrix."},
		{Name: "bands", Kind: abi.Int, Default: 1.0, Min: 1, Max: 2, Doc: "Bands of t60_s."},
	},
	Configure: setFDN,
	Prepare:   lanes(fdnPrepare),
	Forward:   lanes(fdnForward),
	Backward:  lanePairs(fdnBackward),
}

// fdnPiece is how many frames are taken at a time, so that their rows stay in the
// nearest cache.
const fdnPiece = 256

type fdnLaw struct {
	lines, shortest, bands int
	piece                  int // frames that are taken at a time
	ones                   []float64
	delays                 []int
	gains, damped, skew    bool
	filtered               bool // the lines have low-passes
	hadamard               bool // else Householder
	damping, matrix        int  // which parameters they are
	work                   int  // where Prepare's working memory starts
}

// The losses of a line, in Coefs.
const (
	fdnF = iota // these two as kernel/lines.go wants them
	fdnP
	fdnLow   // gain of the line
	fdnA     // of the low-pass
	fdnSlope // of a
	fdnCoefs
)

func setFDN(s *abi.Setup) error {
	n := s.Config.Int("lines")
	law := &fdnLaw{
		lines: n, bands: s.Config.Int("bands"), gains: s.Given("gains"), damped: s.Given("damping_hz"),
		hadamard: bits.OnesCount(uint(n)) == 1,
	}
	switch s.Config.Text("matrix") {
	case "hadamard":
		if !law.hadamard {
			return abi.Errorf("config.lines", "a Hadamard matrix needs a power of two of lines, not %d; take that, or \"matrix\": \"householder\"", n)
		}
	case "householder":
		law.hadamard = false
	case "orthogonal":
		law.skew = true
	}
	if law.gains && s.Given("t60_s") {
		return abi.Errorf("params.gains", "gains and t60_s say the same thing twice; give one of them")
	}
	if law.bands == 2 && !law.gains {
		law.damped = false // it follows from the two times
	}
	if err := law.setDelays(s); err != nil {
		return err
	}
	s.Internal = law.delays
	level := 1 / math.Sqrt(float64(n))
	signs := make([]float64, n)
	for i := range signs {
		signs[i] = level * float64(1-2*(i&1))
	}
	s.Param("in_gains").Default, s.Param("out_gains").Defaults = level, signs
	for _, name := range []string{"in_gains", "out_gains", "gains", "damping_hz"} {
		s.Param(name).Len = n
	}
	s.Param("t60_s").Len = law.bands
	s.Param("matrix").Len = n * (n - 1) / 2
	if law.gains {
		s.Drop("t60_s")
	} else {
		s.Drop("gains")
	}
	law.damping, law.matrix = 3, 4
	if !law.damped {
		s.Drop("damping_hz")
		law.matrix = 3
	}
	if !law.skew {
		s.Drop("matrix")
	}
	law.filtered = law.damped || !law.gains && law.bands == 2
	if law.filtered {
		s.State = n // l[n-1]
	}
	law.piece = min(law.shortest, fdnPiece)
	law.ones = slices.Repeat([]float64{1}, n)
	law.work = fdnCoefs*n + n*n
	s.Coefs, s.Scratch = law.work, n*n+4*n+n*fdnStride
	if law.skew {
		s.Coefs += 4 * n * n
		s.Scratch = n*n + 4*n + max(7*n*n, n*fdnStride+n*law.piece)
	}
	s.FrameScratch = n + 1 // l, and what keeps its rows apart
	s.Data = law
	return nil
}

// setDelays takes the given lengths of the lines, or primes.
func (law *fdnLaw) setDelays(s *abi.Setup) error {
	n, given := law.lines, s.Config.Numbers("delays")
	if given != nil && len(given) != n {
		return abi.Errorf("config.delays", "%d delays for %d lines", len(given), n)
	}
	for i := range n {
		m := 0
		if given != nil {
			m = int(given[i])
			if float64(m) != given[i] || m < 1 || m > 1<<24 {
				return abi.Errorf("config.delays", "a delay of %v frames; it must be a whole number from 1", given[i])
			}
		} else {
			m = nextPrime(int(s.Rate * 0.025 * math.Pow(3.2, float64(i)/float64(max(n-1, 1)))))
			if i > 0 && m <= law.delays[i-1] {
				m = nextPrime(law.delays[i-1] + 1)
			}
		}
		law.delays = append(law.delays, m)
		if i == 0 || m < law.shortest {
			law.shortest = m
		}
	}
	return nil
}

func nextPrime(n int) int {
	for n = max(n, 2); ; n++ {
		prime := true
		for d := 2; d*d <= n; d++ {
			prime = prime && n%d != 0
		}
		if prime {
			return n
		}
	}
}

// ends writes the damped ends of the lines, frames from … from+count of the
// block, to rows that are stride apart, and moves the filters' states.
func (law *fdnLaw) ends(b *abi.Block, lane int, rows []float64, stride int, state []float64, from, count int) {
	var group [8][]float64
	for j := 0; j < law.lines; j += len(group) {
		past := group[:min(len(group), law.lines-j)]
		for i := range past {
			v := b.Internal(j+i, lane)
			past[i] = v[len(v)-b.Frames-law.delays[j+i]+from:][:count]
		}
		kernel.LineEnds(rows[j*stride:], stride, count, past, b.Coefs(lane)[fdnCoefs*j:], fdnCoefs, state[j:])
	}
}

// turn multiplies rows by H, in place.
func (law *fdnLaw) turn(rows []float64, stride, count int) {
	n := law.lines
	if law.hadamard {
		kernel.HadamardRows(rows, n, stride, count)
		return
	}
	var free [fdnPiece]float64
	sum := free[:count]
	kernel.AddRows(sum, law.ones, rows, stride, 1)
	for i := range n {
		row := rows[i*stride:][:count]
		kernel.BlendRow(row, row, sum, 1, -2/float64(n))
	}
}

// turnScale is what turn leaves out.
func (law *fdnLaw) turnScale() float64 {
	if law.hadamard {
		return 1 / math.Sqrt(float64(law.lines))
	}
	return 1
}

// fdnStride keeps the rows of a piece apart in the sets of a cache.
const fdnStride = fdnPiece + 8

func fdnForward(b *abi.Block, lane int) {
	law := b.Data.(*fdnLaw)
	n, frames := law.lines, b.Frames
	x, y, ins, outs := b.In(0, lane), b.Out(0, lane), b.Vector(0, lane), b.Vector(1, lane)
	a, l, state := b.Coefs(lane)[fdnCoefs*n:][:n*n], b.Scratch(lane)[n:][:n*fdnStride], b.State(lane)
	if !law.filtered {
		state = b.Scratch(lane)[:n] // of filters that let everything through
		clear(state)
	}
	scale := law.turnScale()
	clear(y)
	for from := 0; from < frames; from += law.piece {
		count := min(law.piece, frames-from)
		law.ends(b, lane, l, fdnStride, state, from, count)
		input := x[from:][:count]
		kernel.AddRows(y[from:][:count], outs, l, fdnStride, 1)
		if !law.skew {
			law.turn(l, fdnStride, count)
		}
		for i, g := range ins {
			v := b.Internal(i, lane)
			row := v[len(v)-frames+from:][:count]
			if !law.skew {
				kernel.BlendRow(row, l[i*fdnStride:], input, scale, g)
				continue
			}
			for k, x := range input {
				row[k] = g * x
			}
			kernel.AddRows(row, a[i*n:][:n], l, fdnStride, 1)
		}
	}
}

func fdnBackward(b, d *abi.Block, lane int) {
	law := b.Data.(*fdnLaw)
	n, frames := law.lines, b.Frames
	x, dx, dy, dstate := b.In(0, lane), d.In(0, lane), d.Out(0, lane), d.State(lane)
	scratch, coefs := b.Scratch(lane), b.Coefs(lane)
	ins, outs, dins := b.Vector(0, lane), b.Vector(1, lane), d.Vector(0, lane)
	a := coefs[fdnCoefs*n:][:n*n]
	clear(scratch[:n*n+4*n])
	da, df, dp, state, carry := scratch[:n*n], scratch[n*n:][:n], scratch[n*n+n:][:n], scratch[n*n+2*n:][:n], scratch[n*n+3*n:][:n]
	free := scratch[n*n+4*n:]
	dl, turned := free[:n*fdnStride], free[n*fdnStride:]
	copy(state, b.Before(lane))
	copy(carry, dstate)
	// The ends of the whole block, then the pieces of the forward run, the last one first.
	l, stride := b.FrameScratch(lane), frames
	if 8*n < frames {
		stride += 8
	}
	for from := 0; from < frames; from += law.piece {
		law.ends(b, lane, l[from:], stride, state, from, min(law.piece, frames-from))
	}
	scale := law.turnScale()
	if law.skew {
		scale = 1
	}
	for from := (frames - 1) / law.piece * law.piece; from >= 0; from -= law.piece {
		count := min(law.piece, frames-from)
		for i, g := range ins {
			dv := d.Internal(i, lane)
			lambda := dv[len(dv)-frames+from:][:count]
			dins[i] += kernel.TakeRow(dl[i*fdnStride:][:count], lambda, x[from:], dx[from:], g)
			if law.skew {
				kernel.DotRows(da[i*n:][:n], lambda, l[from:], stride)
			}
		}
		if law.skew {
			clear(turned[:n*count])
			for j := range n {
				kernel.AddRows(turned[j*count:][:count], a[j:], dl, fdnStride, n)
			}
			for j := range n {
				copy(dl[j*fdnStride:], turned[j*count:][:count])
			}
		} else {
			law.turn(dl, fdnStride, count)
		}
		kernel.LineEndsBack(dl, fdnStride, dy[from:][:count], scale, outs, coefs, fdnCoefs, carry)
		for j := range n {
			p := fdnLine{law, b, d, lane, j, l[j*stride:][:frames], dl[j*fdnStride:], from}
			whole := kernel.LineWhole(j, n, count)
			p.lead(df, dp, whole, count)
			if whole > 0 {
				p.lead(df, dp, 0, whole)
			}
		}
	}
	copy(dstate, carry)
	law.spread(b, d, lane, df, dp, da, free)
}

// fdnLine is a piece of a line in the adjoint.
type fdnLine struct {
	law     *fdnLaw
	b, d    *abi.Block
	lane, j int
	l, g    []float64 // end of the line in the block, its gradient in the piece
	from    int       // frame of the block where the piece begins
}

// lead takes the gradient of the end of the line to its beginning and to its
// parameters, frames lo … hi of the piece.
func (p *fdnLine) lead(df, dp []float64, lo, hi int) {
	v, dv, at := p.b.Internal(p.j, p.lane), p.d.Internal(p.j, p.lane), p.from+lo
	past, last := len(v)-p.b.Frames-p.law.delays[p.j]+at, 0.0
	if p.law.filtered {
		last = p.b.Before(p.lane)[p.j]
	}
	sums := kernel.LineBack(p.g[lo:hi], p.l, at, last, v[past:], dv[past:], p.d.Out(0, p.lane)[at:], p.b.Coefs(p.lane)[fdnCoefs*p.j+fdnF])
	p.d.Vector(1, p.lane)[p.j] += sums[0]
	df[p.j] += sums[1]
	dp[p.j] += sums[2]
}
