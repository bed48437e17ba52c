package loss

import "fmt"

// NewHead returns the error-to-signal ratio of the first so many frames of each
// channel: a fit of oscillators that begins with a short stretch and lengthens
// it keeps in step with the target. It fails as NewESR does, and when the
// target has no such stretch.
func NewHead(target []float64, channels, frames int) (Loss, error) {
	s, err := bind("esr", target, channels)
	if err != nil {
		return nil, err
	}
	if frames < 1 || frames > s.frames {
		return nil, fmt.Errorf("loss: esr: a stretch of %d frames; the target has %d", frames, s.frames)
	}
	h := &head{signal: s, first: frames}
	for c := range s.channels {
		h.over += sumSquares(s.channel(s.target, c)[:frames])
	}
	if h.over == 0 {
		return nil, fmt.Errorf("loss: esr: the first %d frames of the target are silent", frames)
	}
	return h, nil
}

type head struct {
	signal
	first int
	over  float64
}

func (h *head) Evaluate(grad, x []float64) float64 {
	h.check(grad, x)
	sum, scale := 0.0, 2/h.over
	for c := range h.channels {
		x, y, dx := h.channel(x, c), h.channel(h.target, c), h.channel(grad, c)
		for n, v := range y[:h.first] {
			e := x[n] - v
			sum += e * e
			if dx != nil {
				dx[n] = scale * e
			}
		}
		if dx != nil {
			clear(dx[h.first:])
		}
	}
	return sum / h.over
}
