package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(matrix) }

// matrix mixes channels, y_o[n] = Σ_i m_oi x_i[n]. Its adjoint is the
// transposed matrix:
//
//	x̄_i[n] += Σ_o m_oi ȳ_o[n],   m̄_oi += Σ_n x_i[n] ȳ_o[n]
var matrix = abi.NodeType{
	Name: "MatrixNode", Family: mixing,
	Doc:    "Channel matrix: every output channel is a weighted sum of the input channels.",
	Detail: "y_o[n] = Σ_i matrix[o·in + i] x_i[n], row by row. Without values the matrix passes channel i to channel i. in is that of the edges; given, it is checked. out is in unless given.",
	Inputs: in, Outputs: out, Coupled: true,
	Params: []abi.Param{
		{Name: "matrix", Role: abi.Weights, Default: 0, Min: -100, Max: 100, Vector: true, Doc: "out rows of in factors; the identity unless given."},
	},
	Config: []abi.Key{
		{Name: "in", Kind: abi.Int, Min: 1, Max: 256, Doc: "Input channels; absent: those there are."},
		{Name: "out", Kind: abi.Int, Min: 1, Max: 256, Doc: "Output channels; absent: as many as input channels."},
	},
	Configure: func(s *abi.Setup) error {
		from := s.Channels[0]
		if n := s.Config.Int("in"); s.Config.Has("in") && n != from {
			return abi.Errorf("config.in", "%d input channels are asked for, the edges bring %d", n, from)
		}
		to := from
		if s.Config.Has("out") {
			to = s.Config.Int("out")
		}
		p := s.Param("matrix")
		p.Len = from * to
		p.Defaults = make([]float64, p.Len)
		for i := range min(from, to) {
			p.Defaults[i*from+i] = 1
		}
		s.OutChannels = []int{to}
		return nil
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		m, from := b.Vector(0, lane), b.InChannels(0)
		for o := range b.OutChannels(0) {
			y := b.OutCh(0, o, lane)
			clear(y)
			for i, g := range m[o*from:][:from] {
				x := b.InCh(0, i, lane)[:len(y)]
				for n := range y {
					y[n] += g * x[n]
				}
			}
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		m, dm, from := b.Vector(0, lane), d.Vector(0, lane), b.InChannels(0)
		for o := range b.OutChannels(0) {
			dy := d.OutCh(0, o, lane)
			for i, g := range m[o*from:][:from] {
				x, dx, sum := b.InCh(0, i, lane)[:len(dy)], d.InCh(0, i, lane)[:len(dy)], 0.0
				for n, v := range dy {
					dx[n] += g * v
					sum += x[n] * v
				}
				dm[o*from+i] += sum
			}
		}
	}),
	Second: kernel.Second(matrixFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		m, tm, from := b.Vector(0, lane), t.Vector(0, lane), b.InChannels(0)
		for o := range b.OutChannels(0) {
			ty := t.OutCh(0, o, lane)
			clear(ty)
			for i := range from {
				g, tg := m[o*from+i], tm[o*from+i]
				x, tx := b.InCh(0, i, lane), t.InCh(0, i, lane)
				for n := range ty {
					ty[n] += g*tx[n] + tg*x[n]
				}
			}
		}
	}),
}

func matrixFormula(f *kernel.Formula) {
	m, from := f.Vector(0), f.Block.InChannels(0)
	for n := range f.Frames() {
		for o := range f.Block.OutChannels(0) {
			sum := f.Const(0)
			for i := range from {
				sum = f.Add(sum, f.Mul(m[o*from+i], f.InCh(0, i, n)))
			}
			f.OutCh(0, o, n, sum)
		}
	}
}
