package loss

import "fmt"

// ParseAfter is Parse for a loss that leaves the first frames of each channel out,
// those before an effect has settled from a state that nobody recorded. Their
// gradient is zero. It fails as Parse does, and when nothing is left.
func ParseAfter(skip int, spec string, target []float64, channels int, rate float64) (Loss, error) {
	if skip == 0 {
		return Parse(spec, target, channels, rate)
	}
	s, err := bind("loss", target, channels)
	if err != nil {
		return nil, err
	}
	if skip < 0 || skip >= s.frames {
		return nil, fmt.Errorf("loss: %d frames are to be left out of the target, which has %d; leave out fewer", skip, s.frames)
	}
	l := &later{signal: s, skip: skip}
	l.x = make([]float64, s.channels*(s.frames-skip))
	l.dx = make([]float64, len(l.x))
	l.cut(s.target)
	if l.inner, err = Parse(spec, append([]float64(nil), l.x...), channels, rate); err != nil {
		return nil, err
	}
	return l, nil
}

// later is a loss of what comes after the first frames.
type later struct {
	signal
	inner Loss
	skip  int
	x, dx []float64 // without those
}

func (l *later) Name() string { return l.inner.Name() }

// cut copies what is compared of x.
func (l *later) cut(x []float64) {
	n := l.frames - l.skip
	for c := range l.channels {
		copy(l.x[c*n:(c+1)*n], l.channel(x, c)[l.skip:])
	}
}

func (l *later) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	l.cut(x)
	if grad == nil {
		return l.inner.Evaluate(nil, l.x)
	}
	v, n := l.inner.Evaluate(l.dx, l.x), l.frames-l.skip
	for c := range l.channels {
		dx := l.channel(grad, c)
		clear(dx[:l.skip])
		copy(dx[l.skip:], l.dx[c*n:(c+1)*n])
	}
	return v
}
