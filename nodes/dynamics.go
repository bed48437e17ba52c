package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// This file is the kernel of compressor, expander, gate and compander. With D
// the level of the loudest channel of the key (the input, the sidechain, or the
// output of the frame before), a frame is
//
//	e[n] = D + a (e[n-1] - D),     a of the attack where D > e[n-1], else of the release
//	q[n] = D² + a' (q[n-1] - D²),  likewise
//	L    = (1-mix) 20 log10 e + mix 10 log10 q     peak and rms
//	g    = curve(L)                                a gain in dB
//	y[n] = x[n] 10^((g + makeup)/20)
//
// and with the log detector L = 20 log10 D and the gain is smoothed in its place,
//
//	g[n] = G + a (g[n-1] - G),  G = curve(L)
//
// The adjoint walks this back: with ē the sum of what the frame gives and of
// a ē of the frame after,
//
//	D̄ += (1-a) ē,   ā += (e[n-1] - D) ē
//
// and D̄ goes to the channel and sign that made D.

// dynamics.go has what is the same for all detectors, dynamicscurve.go the curves,
// dynamicsrows.go and dynamicsframes.go the detectors.

// The parameters that all of them have stand at the same place.
const (
	atThreshold = iota // or in_db
	atRatio            // or range_db, out_db
	atAttack
	atRelease
	atKnee
	atMakeup
	atExtra // detector_mix or range_db
)

// What the types share of their description; a type may change a copy.
var (
	dynamicsThreshold = abi.Param{Name: "threshold_db", Role: abi.Threshold, Unit: "dB", Default: -20, Min: -80, Max: 0, Mod: true, Doc: "Level at which the gain begins to change, in dB of full scale."}
	dynamicsRatio     = abi.Param{Name: "ratio", Role: abi.Ratio, Default: 4, Min: 1, Max: 100, Scale: abi.Log, Doc: "dB of input per dB of output above the threshold."}
	dynamicsAttack    = abi.Param{Name: "attack_ms", Role: abi.Attack, Unit: "ms", Default: 10, Min: 0.05, Max: 1000, Scale: abi.Log, Doc: "Time constant of a rising level."}
	dynamicsRelease   = abi.Param{Name: "release_ms", Role: abi.Release, Unit: "ms", Default: 100, Min: 1, Max: 5000, Scale: abi.Log, Doc: "Time constant of a falling level."}
	dynamicsKnee      = abi.Param{Name: "knee_db", Role: abi.Knee, Unit: "dB", Default: 6, Min: 0, Max: 40, Doc: "Width of the quadratic corner of the curve; 0 is hard."}
	dynamicsMakeup    = abi.Param{Name: "makeup_db", Role: abi.Gain, Unit: "dB", Default: 0, Min: -40, Max: 40, Doc: "Gain after it."}
	dynamicsRange     = abi.Param{Name: "range_db", Role: abi.Range, Unit: "dB", Default: 40, Min: 0, Max: 120, Doc: "Most attenuation."}
	dynamicsDetector  = abi.Key{Name: "detector", Kind: abi.String, Default: "peak", Enum: []string{"peak", "rms", "log"}, Doc: "What is smoothed: the level, its square, or the gain in dB."}
	dynamicsLink      = abi.Key{Name: "link", Kind: abi.Bool, Default: true, Doc: "One gain for all channels, from the loudest; otherwise each has its own."}
	dynamicsStart     = abi.Key{Name: "start_db", Kind: abi.Number, Min: -200, Max: 40, Doc: "Level that a peak or rms detector has before frame 0, in dB; absent: silence. SoX's compand begins at 0."}
)

// registerDynamics completes and registers a type of the family.
func registerDynamics(curve curveKind, t abi.NodeType) {
	const ballistics = " The detector looks at |x| of the loudest channel. peak: e ← a e + (1 − a)|x|, a = exp(−1/(rate t)), t the attack where |x| > e and the release elsewhere (equal counts as release); " +
		"rms: the same on x²; log: the gain that the curve gives for |x| is smoothed in dB. Levels below −200 dB count as that, without slope; |x| has no slope at 0. The gradient takes each frame's branch as it fell: it is exact but where an envelope just turns. "
	const side = "The port sidechain, where something is connected, is the key in the place of the input. "
	t.Family, t.Inputs, t.Outputs, t.Coupled = dynamics, []string{"in", "sidechain"}, out, true
	t.Detail += ballistics + side
	t.Source += "D. Giannoulis, M. Massberg, J. D. Reiss, Digital Dynamic Range Compressor Design: A Tutorial and Analysis, JAES 60(6), 2012; C.-Y. Yu et al., Differentiable All-pole Filters for Time-varying Audio Systems, DAFx 2024 (the adjoint)."
	t.State = 4        // e, q, the smoothed gain in dB, and the level of the last output
	t.Record = 3       // e (or the gain in dB), q, the gain as a factor
	t.FrameScratch = 5 // the level, and four rows of the adjoint
	t.Configure = func(s *abi.Setup) error { return setDynamics(s, curve) }
	t.Forward, t.Backward = lanes(dynamicsForward), lanePairs(dynamicsBackward)
	abi.Register(t)
}

type detector int

const (
	peakDetector detector = iota
	rmsDetector
	logDetector
)

// dynamicsLaw is the configuration.
type dynamicsLaw struct {
	curve               curveKind
	detector            detector
	feedback, sidechain bool
	opens               bool // the attack raises the gain: expander and gate
	points              int
	start               float64 // envelope before frame 0
}

func (l *dynamicsLaw) key() int {
	if l.sidechain {
		return 1
	}
	return 0
}

// setDynamics is the Configure of the family.
func setDynamics(s *abi.Setup, curve curveKind) error {
	l := &dynamicsLaw{curve: curve, opens: curve == expandCurve || curve == gateCurve}
	l.detector = map[string]detector{"": peakDetector, "peak": peakDetector, "rms": rmsDetector, "log": logDetector}[s.Config.Text("detector")]
	l.feedback = s.Config.Text("topology") == "feedback"
	l.sidechain = s.Connected("sidechain")
	if l.sidechain && l.feedback {
		return abi.Errorf("config.topology", `feedback takes its own output as the key, but the port "sidechain" is connected too; leave one of them out`)
	}
	if !l.sidechain {
		s.Inputs = in
	}
	if s.Config.Has("start_db") {
		if l.detector == logDetector {
			return abi.Errorf("config.start_db", "the log detector smooths a gain and has no level to begin with; leave start_db out")
		}
		l.start = math.Pow(10, s.Config.Number("start_db")/20)
	}
	s.Coupled = s.Config.Bool("link")
	if s.Coupled {
		s.OutChannels = []int{s.Channels[0]}
	}
	if curve == compressCurve && l.detector != peakDetector {
		s.Drop("detector_mix")
	}
	if curve == compandCurve {
		if err := l.setPoints(s); err != nil {
			return err
		}
	}
	s.Data = l
	return nil
}

// dynamicsLane is one lane: coefficients, rows, and sums of gradients.
type dynamicsLane struct {
	*dynamicsLaw
	lane                             int
	attack, release, makeup, mix     float64
	curve                            curveAt
	level, e, q, gain                []float64 // e is the gain in dB with the log detector
	dattack, drelease, dmakeup, dmix float64
}

func (l *dynamicsLaw) newLane(b *abi.Block, lane int) dynamicsLane {
	p := dynamicsLane{dynamicsLaw: l, lane: lane, mix: l.mixOf(b, lane), curve: l.newCurve(b, lane)}
	p.attack, _ = kernel.Ballistic(b.Param(atAttack, lane).At(0), b.Rate)
	p.release, _ = kernel.Ballistic(b.Param(atRelease, lane).At(0), b.Rate)
	p.makeup = math.Exp(decibels * b.Param(atMakeup, lane).At(0))
	p.level = b.FrameScratch(lane)[:b.Frames]
	p.e, p.q, p.gain = b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
	return p
}

// mixed reports whether detector_mix goes from the peak to the rms level.
func (l *dynamicsLaw) mixed() bool { return l.detector == peakDetector && l.curve == compressCurve }

// mixOf returns how much of the level is that of the rms detector.
func (l *dynamicsLaw) mixOf(b *abi.Block, lane int) float64 {
	switch {
	case l.detector == rmsDetector:
		return 1
	case l.mixed():
		return b.Param(atExtra, lane).At(0)
	}
	return 0
}

// begun returns the envelopes before a block from their states: before frame 0
// they stand at start.
func (l *dynamicsLaw) begun(b *abi.Block, lane int, state []float64) (e, q float64) {
	if b.Frame(lane) == 0 {
		return state[0] + l.start, state[1] + l.start*l.start
	}
	return state[0], state[1]
}

func dynamicsForward(b *abi.Block, lane int) {
	l := b.Data.(*dynamicsLaw)
	p, state := l.newLane(b, lane), b.State(lane)
	state[0], state[1] = l.begun(b, lane, state)
	switch {
	case l.detector == logDetector:
		p.forwardLog(b)
	case l.feedback:
		p.forwardFed(b)
	default:
		p.forwardRows(b)
	}
	gain, makeup := p.gain, p.makeup
	for c := range b.OutChannels(0) {
		y := b.OutCh(0, c, lane)
		for n, x := range b.InCh(0, c, lane) {
			y[n] = x * (gain[n] * makeup)
		}
	}
}

func dynamicsBackward(b, d *abi.Block, lane int) {
	l := b.Data.(*dynamicsLaw)
	p := l.newLane(b, lane)
	if l.curve == compandCurve {
		p.curve.dPoints = b.Scratch(lane)[:2*l.points]
		clear(p.curve.dPoints)
	}
	gain, makeup, dgain := p.gain, p.makeup, b.FrameScratch(lane)[b.Frames:2*b.Frames]
	clear(dgain)
	for c := range b.OutChannels(0) {
		dx, dy := d.InCh(0, c, lane), d.OutCh(0, c, lane)
		for n, x := range b.InCh(0, c, lane) {
			dx[n] += dy[n] * (gain[n] * makeup)
			dgain[n] += dy[n] * x * makeup
		}
	}
	switch {
	case l.detector == logDetector:
		p.backwardLog(b, d, dgain)
	case l.feedback:
		p.backwardFed(b, d, dgain)
	default:
		p.backwardRows(b, d, dgain)
	}
	_, attackSlope := kernel.Ballistic(b.Param(atAttack, lane).At(0), b.Rate)
	_, releaseSlope := kernel.Ballistic(b.Param(atRelease, lane).At(0), b.Rate)
	d.Param(atAttack, lane).Add(0, attackSlope*p.dattack)
	d.Param(atRelease, lane).Add(0, releaseSlope*p.drelease)
	d.Param(atMakeup, lane).Add(0, decibels*p.dmakeup)
	if l.mixed() {
		d.Param(atExtra, lane).Add(0, p.dmix)
	}
	p.curve.spread(b, d, lane)
}
