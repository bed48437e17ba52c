package loss

func init() {
	register(kind{name: "dc", doc: "Energy of the mean error over energy of the target, averaged over channels.", build: waveform(NewDC), metric: "dc", sign: 1})
}

// quietPower is the mean square of a target below which ε is a part of it.
const quietPower = quiet * quiet

// epsilon keeps the ratios of auraloss finite; it is their default.
const epsilon = 1e-8

// NewDC returns the error of the mean,
//
//	(mean(x-y))² / (mean y² + ε),   ε = 1e-8
//
// averaged over channels. It fails if the target is empty or not finite.
//
// Source: C. Steinmetz, J. Reiss, auraloss, DMRN+15, 2020 (DCLoss).
func NewDC(target []float64, opts ...Options) (Loss, error) {
	s, _, err := bindWaveform("dc", target, opts, false)
	if err != nil {
		return nil, err
	}
	l := &dc{signal: s}
	tiny, most := epsilon, 0.0
	for c := range s.channels {
		l.over = append(l.over, sumSquares(s.channel(s.target, c))/float64(s.frames))
		most = max(most, l.over[c])
	}
	if most > 0 && most < quietPower {
		tiny *= most
	}
	for c := range l.over {
		l.over[c] += tiny
	}
	return l, nil
}

type dc struct {
	signal
	over []float64 // mean y² + ε of each channel
}

func (l *dc) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	sum := 0.0
	for c := range l.channels {
		x, y, dx := l.channel(x, c), l.channel(l.target, c), l.channel(grad, c)
		offset := 0.0
		for n, v := range y {
			offset += x[n] - v
		}
		offset /= float64(l.frames)
		sum += offset * offset / l.over[c]
		slope := 2 * offset / (l.over[c] * float64(l.frames) * float64(l.channels))
		for n := range dx {
			dx[n] = slope
		}
	}
	return sum / float64(l.channels)
}
