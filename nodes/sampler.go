package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(sampler) }

// sampler plays a sound; its adjoint is ḡain_db += ln(10)/20 Σ y[n] ȳ[n].
var sampler = abi.NodeType{
	Name: "SamplerNode", Aliases: []string{"sampler"}, Family: sources,
	Doc: "Plays a file, or a buffer staged under the node's name.",
	Detail: "y[n] = 10^(gain_db/20) s[start_frame + n], silence after the end, or from the beginning again with loop. " +
		"The sound is not resampled: its rate must be that of the node.",
	Source:  "The AMP runtime's SamplerNode.",
	Outputs: out,
	Params: []abi.Param{
		{Name: "gain_db", Role: abi.Level, Unit: "dB", Default: 0, Min: -60, Max: 24, Doc: "Gain."},
	},
	Config: []abi.Key{
		{Name: "file", Kind: abi.File, Doc: "The sound; absent: the buffer staged under the node's name."},
		{Name: "loop", Kind: abi.Bool, Default: false, Doc: "Start again at frame 0 after the end."},
		{Name: "start_frame", Kind: abi.Int, Default: 0.0, Min: 0, Max: 1e12, Doc: "Frame of the sound at frame 0 of the run."},
	},
	Configure: func(s *abi.Setup) error {
		path := s.Node
		if s.Config.Has("file") {
			path = s.Config.Text("file")
		}
		audio, err := s.Audio(path)
		switch {
		case err != nil && !s.Config.Has("file"):
			return abi.Errorf("config", "nothing to play: no buffer is staged as %q, and config.file names no sound", path)
		case err != nil:
			return abi.Errorf("config.file", "%v", err)
		case len(audio.Rows) == 0 || len(audio.Rows[0]) == 0:
			return abi.Errorf("config.file", "%s holds no sound", path)
		case audio.Rate != s.Rate:
			return abi.Errorf("config.file", "%s: %v Hz, but %s runs at %v Hz; convert the recording", path, audio.Rate, s.Node, s.Rate)
		}
		s.OutChannels = []int{len(audio.Rows)}
		s.Data = &samples{audio.Rows, int64(s.Config.Number("start_frame")), s.Config.Bool("loop")}
		return nil
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		sound := b.Data.(*samples)
		sound.play(b.Out(0, lane), b.Channel(lane), b.Frame(lane), math.Exp(decibels*b.Param(0, lane).At(0)))
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		sum := 0.0
		for n, y := range b.Out(0, lane) {
			sum += y * d.Out(0, lane)[n]
		}
		d.Param(0, lane).Add(0, decibels*sum)
	}),
	Second: kernel.Second(kernel.LevelFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		ty, tgain := t.Out(0, lane), t.Param(0, lane).At(0)
		for n, y := range b.Out(0, lane) {
			ty[n] = decibels * tgain * y
		}
	}),
}

type samples struct {
	rows  [][]float64
	start int64
	loop  bool
}

// play writes the frames of the run from frame on.
func (s *samples) play(y []float64, channel int, frame int64, gain float64) {
	row := s.rows[channel]
	at, frames := s.start+frame, int64(len(row))
	for n := range y {
		k := at + int64(n)
		if s.loop {
			k %= frames
		}
		y[n] = 0
		if k < frames {
			y[n] = gain * row[k]
		}
	}
}
