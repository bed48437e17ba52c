package loss

import (
	"fmt"
	"slices"
	"strings"
)

func init() {
	args := []string{"", "hop", "win", "sc", "log", "lin", "floor", "center"}
	register(kind{
		name: "stft", doc: "Distance of magnitude spectra at one resolution: spectral convergence and log magnitude.",
		args: args,
		build: func(c *call) (Loss, error) {
			o := c.stftOptions(stftDefault)
			if len(o.Resolutions) > 1 {
				c.fail(c.arg("").column, "stft takes one size, this has %d; mrstft takes several", len(o.Resolutions))
			}
			return NewSTFT(c.target, o)
		},
	})
	register(kind{
		name: "mrstft", doc: "Mean of stft over several resolutions, by default those of auraloss.",
		args:   args,
		build:  func(c *call) (Loss, error) { return NewMRSTFT(c.target, c.stftOptions(mrstftDefault)) },
		metric: "mrstft", sign: 1,
	})
}

// Resolution is the shape of one short-time Fourier transform, in frames.
type Resolution struct {
	Size   int // of the transform
	Hop    int // from one window to the next; 0 is Size/4
	Window int // a periodic Hann window, centred in the transform; 0 is Size
}

// The defaults are auraloss's, of STFTLoss and MultiResolutionSTFTLoss.
var (
	stftDefault   = []Resolution{{1024, 256, 1024}}
	mrstftDefault = []Resolution{{1024, 120, 600}, {2048, 240, 1200}, {512, 50, 240}}
)

// STFTOptions is what NewSTFT and NewMRSTFT may be given. The zero value is one
// channel with the defaults of auraloss.
type STFTOptions struct {
	Channels    int          // 0 is 1
	Resolutions []Resolution // empty is the default
	Weights     STFTWeights  // the zero value is 1, 1, 0
	// Floor is the least magnitude that counts, of the target's largest at each
	// resolution: 1e-4 leaves out what lies 80 dB below. 0 is no floor beside
	// the absolute one.
	Floor float64
	// Causal lets the first window begin at the first frame, and fills up the
	// last one with zeros, in the place of windows centred on frames 0, Hop, …
	// with reflected edges.
	Causal  bool
	Threads int // goroutines; 0 is 1. The result is the same bits for any number.
}

// STFTWeights are the weights of the terms of a spectral loss.
type STFTWeights struct {
	SC  float64 // spectral convergence, ‖X-Y‖ / ‖Y‖
	Log float64 // mean |ln X - ln Y|
	Lin float64 // mean |X - Y|
}

// NewSTFT returns the distance between the magnitudes X of the rendering's
// short-time spectra and those, Y, of the target:
//
//	‖X-Y‖ / ‖Y‖ + mean |ln X - ln Y|,   X = √max(|spectrum|², 1e-8)
//
// The norm and the mean run over all bins, frames and channels. The edges are
// reflected, without repeating the first and the last frame, so that windows
// are centred on frames 0, Hop, 2 Hop, … (but see Causal). A bin at or below the floor has no
// gradient. Of a target whose peak is below 1/1024 both sides are brought up to full
// scale first, so that the floor does not cover them. By default the size is 1024, the hop 256 and the window 1024.
//
// It fails if the target is empty, not finite, or not longer than half the
// transform, or if the options make no sense.
//
// Sources: S. Ö. Arık, H. Jun, G. Diamos, Fast spectrogram inversion using
// multi-head convolutional neural networks, IEEE SPL 26(1), 2019 (the terms);
// C. Steinmetz, J. Reiss, auraloss, DMRN+15, 2020 (STFTLoss; the details).
func NewSTFT(target []float64, opts ...STFTOptions) (Loss, error) {
	o := option(opts)
	if len(o.Resolutions) > 1 {
		return nil, fmt.Errorf("loss: stft takes one resolution, not %d; mrstft takes several", len(o.Resolutions))
	}
	return newSpectral("stft", target, o, stftDefault)
}

// NewMRSTFT returns the mean of NewSTFT over several resolutions, so that no
// single trade between time and frequency is favoured. By default they are
// auraloss's: sizes 1024, 2048, 512, hops 120, 240, 50, windows 600, 1200, 240.
// It fails as NewSTFT does.
//
// Source: R. Yamamoto, E. Song, J.-M. Kim, Parallel WaveGAN, ICASSP 2020.
func NewMRSTFT(target []float64, opts ...STFTOptions) (Loss, error) {
	return newSpectral("mrstft", target, option(opts), mrstftDefault)
}

// filled returns the resolution with its defaults in place, or what is wrong.
func (r Resolution) filled(name string, frames int, causal bool) (Resolution, error) {
	if r.Size < 4 {
		return r, fmt.Errorf("loss: %s: a size of %d frames; the least is 4", name, r.Size)
	}
	if r.Hop == 0 {
		r.Hop = r.Size / 4
	}
	if r.Window == 0 {
		r.Window = r.Size
	}
	switch {
	case r.Hop < 1:
		return r, fmt.Errorf("loss: %s: a hop of %d frames; the least is 1", name, r.Hop)
	case r.Window < 2 || r.Window > r.Size:
		return r, fmt.Errorf("loss: %s: a window of %d frames in a transform of %d; it is between 2 and %d", name, r.Window, r.Size, r.Size)
	case frames <= r.Size/2 && !causal:
		return r, fmt.Errorf("loss: %s: the target has %d frames a channel, too short for a size of %d, which reflects %d at either edge; give %d frames or more, or smaller sizes",
			name, frames, r.Size, r.Size/2, r.Size/2+1)
	}
	return r, nil
}

// stftName writes what Parse reads: nothing that is a default.
func stftName(name string, rs, defaults []Resolution, w STFTWeights, floor, center float64) string {
	var args []string
	if !slices.Equal(rs, defaults) {
		quarter, whole := true, true
		var sizes, hops, windows []string
		for _, r := range rs {
			sizes = append(sizes, fmt.Sprint(r.Size))
			hops = append(hops, fmt.Sprint(r.Hop))
			windows = append(windows, fmt.Sprint(r.Window))
			quarter = quarter && r.Size == 4*r.Hop
			whole = whole && r.Size == r.Window
		}
		args = append(args, strings.Join(sizes, "/"))
		if quarter {
			args = append(args, "hop=n/4")
		} else {
			args = append(args, "hop="+strings.Join(hops, "/"))
		}
		if !whole {
			args = append(args, "win="+strings.Join(windows, "/"))
		}
	}
	for _, weight := range []struct {
		name            string
		value, standard float64
	}{{"sc", w.SC, 1}, {"log", w.Log, 1}, {"lin", w.Lin, 0}, {"floor", floor, 0}, {"center", center, 1}} {
		if weight.value != weight.standard {
			args = append(args, weight.name+"="+number(weight.value))
		}
	}
	if len(args) == 0 {
		return name
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}
