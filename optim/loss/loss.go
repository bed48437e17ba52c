// Package loss holds the distances between a rendering and a recording that a
// fit makes small, each with its gradient.
//
// A loss is bound to its target once, which computes all that depends on the
// target alone, and is then evaluated many times:
//
//	mrstft, err := loss.NewMRSTFT(target)              // or, from a user's words,
//	sum, err := loss.Parse("mrstft + 0.1*esr", target, 1, 48000)
//	value := sum.Evaluate(grad, x)                     // grad[n] = ∂value/∂x[n]
//
// Signals are float64, channel after channel, each with all its frames; x and
// the target have one length. Values and gradients are finite as long as the
// energy of x is, whatever the target: silence, a constant, a single impulse.
// At a kink the slope is 0. Results are the same bits in every run on one kind
// of processor.
//
// What each loss is stands in its file.
package loss

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Loss is a differentiable distance between a rendering and the target it is
// bound to. It keeps scratch: one goroutine at a time may use it.
type Loss interface {
	// Name returns the specification that Parse turns into this loss again,
	// for example "mrstft + 0.1*esr".
	Name() string

	// Evaluate returns the loss of x. When grad is not nil, it is overwritten
	// with the gradient by x. It panics if x, or grad, is not as long as the
	// target. It allocates nothing, unless it runs on several threads.
	Evaluate(grad, x []float64) float64
}

// Options is what the losses on the waveform may be given. The zero value is
// one channel without pre-emphasis.
type Options struct {
	Channels int // 0 is 1

	// PreEmphasis is c in e[n] - c e[n-1], the filter that the error (and the
	// target, where the loss divides by its energy) passes first, in each
	// channel from e[-1] = 0. It is in [0, 1]; 0.85 is usual. For esr, mse, l1.
	PreEmphasis float64
}

// kind is an entry of the table of losses. Each file registers its own.
type kind struct {
	name, doc string
	args      []string // those that it accepts; "" is the one that is given without a name
	build     func(*call) (Loss, error)
	metric    string  // its name in Metrics; empty if it has no place there
	sign      float64 // of the metric: -1 where the loss is a figure of merit, negated
}

var kinds []kind // sorted by name

// Names lists every loss that Parse knows, each with a sentence on what it is.
func Names() [][2]string {
	var names [][2]string
	for _, k := range kinds {
		names = append(names, [2]string{k.name, k.doc})
	}
	return names
}

func findKind(name string) (at int, found bool) {
	return slices.BinarySearchFunc(kinds, name, func(k kind, name string) int { return strings.Compare(k.name, name) })
}

func register(k kind) {
	at, found := findKind(k.name)
	if found {
		panic(fmt.Sprintf("loss: %s is registered twice", k.name))
	}
	kinds = slices.Insert(kinds, at, k)
}

// signal is a target, and what every loss checks of it.
type signal struct {
	name             string
	target           []float64
	channels, frames int // frames of one channel
}

func bind(name string, target []float64, channels int) (signal, error) {
	if channels == 0 {
		channels = 1
	}
	switch {
	case channels < 0:
		return signal{}, fmt.Errorf("loss: %s: %d channels; the least is 1", name, channels)
	case len(target) == 0:
		return signal{}, fmt.Errorf("loss: %s: the target is empty", name)
	case len(target)%channels != 0:
		return signal{}, fmt.Errorf("loss: %s: a target of %d values cannot be %d channels of equal length", name, len(target), channels)
	}
	frames := len(target) / channels
	for i, v := range target {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return signal{}, fmt.Errorf("loss: %s: the target is %v at frame %d of channel %d", name, v, i%frames, i/frames)
		}
	}
	return signal{name: name, target: slices.Clone(target), channels: channels, frames: frames}, nil
}

func (s *signal) Name() string { return s.name }

// check panics unless x and grad fit the target.
func (s *signal) check(grad, x []float64) {
	if len(x) != len(s.target) {
		panic(fmt.Sprintf("loss: %s: x has %d values, its target has %d", s.name, len(x), len(s.target)))
	}
	if grad != nil && len(grad) != len(s.target) {
		panic(fmt.Sprintf("loss: %s: the gradient has %d values, its target has %d", s.name, len(grad), len(s.target)))
	}
}

// channel returns channel c of x, which may be nil.
func (s *signal) channel(x []float64, c int) []float64 {
	if x == nil {
		return nil
	}
	return x[c*s.frames : (c+1)*s.frames : (c+1)*s.frames]
}

// option returns the one option struct of a constructor, or its zero value.
func option[T any](opts []T) T {
	var zero T
	switch len(opts) {
	case 0:
		return zero
	case 1:
		return opts[0]
	}
	panic(fmt.Sprintf("loss: %d option structs; one is enough", len(opts)))
}

// bindWaveform is bind for a loss on the waveform; emphasis tells whether it
// has pre-emphasis.
func bindWaveform(name string, target []float64, opts []Options, emphasis bool) (signal, float64, error) {
	o := option(opts)
	s, err := bind(name, target, o.Channels)
	if err != nil {
		return s, 0, err
	}
	switch {
	case o.PreEmphasis != 0 && !emphasis:
		err = fmt.Errorf("loss: %s has no pre-emphasis; esr, l1 and mse have", name)
	case !(o.PreEmphasis >= 0 && o.PreEmphasis <= 1):
		err = fmt.Errorf("loss: %s: a pre-emphasis of %v; it is between 0 (none) and 1, usually 0.85", name, o.PreEmphasis)
	}
	if o.PreEmphasis != 0 {
		s.name = fmt.Sprintf("%s(pre=%s)", name, number(o.PreEmphasis))
	}
	return s, o.PreEmphasis, err
}

// waveform makes the build of a kind from the constructor of a loss on the waveform.
func waveform(construct func(target []float64, opts ...Options) (Loss, error)) func(*call) (Loss, error) {
	return func(c *call) (Loss, error) {
		return construct(c.target, Options{Channels: c.channels, PreEmphasis: c.number("pre", 0)})
	}
}

// emphasise writes x[n] - c x[n-1], x[-1] = 0, to dst, which may be x.
func emphasise(dst, x []float64, c float64) {
	last := 0.0
	for n, v := range x {
		dst[n] = v - float64(c*last)
		last = v
	}
}

// emphasiseAdjoint overwrites λ with the adjoint of emphasise, λ[n] - c λ[n+1].
func emphasiseAdjoint(lambda []float64, c float64) {
	for n := range len(lambda) - 1 {
		lambda[n] -= float64(c * lambda[n+1])
	}
}

// sumSquares returns Σ x². Four sums in turn, for one alone waits for itself.
func sumSquares(x []float64) float64 {
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x = x[4:] {
		s0 += x[0] * x[0]
		s1 += x[1] * x[1]
		s2 += x[2] * x[2]
		s3 += x[3] * x[3]
	}
	for _, v := range x {
		s0 += v * v
	}
	return s0 + s1 + s2 + s3
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// number writes a float as Parse reads it.
func number(v float64) string { return fmt.Sprintf("%v", v) }
