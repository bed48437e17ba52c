package nodes

import (
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// Convolver and FIR filter convolve with a response that is a parameter, by the
// partitions of kernel/convolution.go.
func init() {
	file := abi.Key{Name: "file", Kind: abi.File, Doc: "Sound whose first channel is the response; it must have the sample rate of the kernel."}
	abi.Register(abi.NodeType{
		Name: "ConvolverNode", Family: filters,
		Doc: "Convolution with an impulse response, without delay.",
		Detail: "y[n] = 10^(gain_db/20) Σ_k ir[k] x[n−k]. The first 64 taps are summed directly, those beyond by FFT in partitions that double in length and sit on absolute frames, so the bits do not depend on blocks. " +
			"The response is that of file, or the values of ir; ir is learnable like any vector.",
		Source: "W. G. Gardner, Efficient Convolution without Input-Output Delay, JAES 43(3), 1995.",
		Inputs: in, Outputs: out,
		Params: []abi.Param{
			{Name: "ir", Role: abi.Taps, Default: 0, Defaults: []float64{1}, Min: -1000, Max: 1000, Vector: true, Len: 1, Doc: "Impulse response."},
			{Name: "gain_db", Role: abi.Gain, Unit: "dB", Default: 0, Min: -120, Max: 60, Doc: "Gain of the response."},
		},
		Config: []abi.Key{file},
		Configure: func(s *abi.Setup) error {
			ir, err := response(s, "ir", 1)
			if err == nil {
				s.Data, s.FrameScratch = &convolver{kernel.NewConvolution(s, ir.Len), true}, 1
			}
			return err
		},
		Prepare: lanes(convolverPrepare), Forward: lanes(convolverForward), Backward: lanePairs(convolverBackward),
	})
	abi.Register(abi.NodeType{
		Name: "FIRNode", Family: filters,
		Doc: "FIR filter by its taps.",
		Detail: "y[n] = Σ_k taps[k] x[n−k]. Up to 64 taps are summed directly; those beyond go by FFT, as in ConvolverNode, without delay. The number of taps is that of the values given or of the file, else of the key taps; " +
			"without values the filter is the identity.",
		Source: "W. G. Gardner, Efficient Convolution without Input-Output Delay, JAES 43(3), 1995.",
		Inputs: in, Outputs: out,
		Params: []abi.Param{
			{Name: "taps", Role: abi.Taps, Default: 0, Defaults: []float64{1}, Min: -1000, Max: 1000, Vector: true, Len: 1, Doc: "Impulse response."},
		},
		Config: []abi.Key{
			{Name: "taps", Kind: abi.Int, Default: 32.0, Min: 1, Max: 1 << 22, Doc: "Number of taps, where neither values nor a file say it."},
			file,
		},
		Configure: func(s *abi.Setup) error {
			taps, err := response(s, "taps", s.Config.Int("taps"))
			if err == nil {
				s.Data = &convolver{kernel.NewConvolution(s, taps.Len), false}
			}
			return err
		},
		Prepare: lanes(convolverPrepare), Forward: lanes(convolverForward), Backward: lanePairs(convolverBackward),
	})
}

// response sets length and defaults of a response and returns its parameter.
func response(s *abi.Setup, name string, length int) (*abi.Param, error) {
	p := s.Param(name)
	if path := s.Config.Text("file"); path != "" {
		audio, err := s.Audio(path)
		if err != nil {
			return nil, abi.Errorf("config.file", "%v", err)
		}
		if len(audio.Rows) == 0 || len(audio.Rows[0]) == 0 {
			return nil, abi.Errorf("config.file", "%s has no frames", path)
		}
		if audio.Rate != s.Rate {
			return nil, abi.Errorf("config.file", "%s has %v Hz, but the node runs at %v Hz; convert the file", path, audio.Rate, s.Rate)
		}
		p.Defaults = slices.Clone(audio.Rows[0])
		length = len(p.Defaults)
	}
	if n := s.Length(name); n > 0 {
		if s.Config.Text("file") != "" && n != length {
			return nil, abi.Errorf("params."+name, "%d values, but the file has %d frames", n, length)
		}
		length = n
	}
	p.Len = length
	for _, v := range p.Defaults {
		if math.Abs(v) > p.Max {
			return nil, abi.Errorf("config.file", "a value of %v is outside ±%v", v, p.Max)
		}
	}
	return p, nil
}

// convolver is a convolution, perhaps with a second parameter: a gain in dB.
type convolver struct {
	*kernel.Convolution
	gain bool
}

// scale returns the gain of the response.
func (c *convolver) scale(b *abi.Block, lane int) float64 {
	if c.gain {
		return math.Exp(decibels * b.Param(1, lane).At(0))
	}
	return 1
}

func convolverPrepare(b *abi.Block, lane int) {
	c := b.Data.(*convolver)
	c.Prepare(b.Coefs(lane), b.Vector(0, lane))
}

func convolverForward(b *abi.Block, lane int) {
	c := b.Data.(*convolver)
	y := b.Out(0, lane)
	c.Forward(b, lane, y, b.Vector(0, lane))
	if g := c.scale(b, lane); g != 1 {
		for n := range y {
			y[n] *= g
		}
	}
}

func convolverBackward(b, d *abi.Block, lane int) {
	c := b.Data.(*convolver)
	y, g := b.Out(0, lane), d.Out(0, lane)
	if c.gain {
		dy, scale, sum := g, c.scale(b, lane), 0.0
		g = b.FrameScratch(lane)
		for n, v := range dy {
			g[n] = scale * v
			sum = math.FMA(v, y[n], sum)
		}
		d.Param(1, lane).Add(0, decibels*sum)
	}
	c.Backward(b, d, lane, g, b.Vector(0, lane), d.Vector(0, lane), b.Scratch(lane), nil)
}
