package nodes

import (
	"math"

	"ampfit/abi"
)

func init() {
	threshold := abi.Param{Name: "threshold_db", Role: abi.Threshold, Unit: "dB", Default: -20, Min: -80, Max: 0, Mod: true, Doc: "Level at which the gain begins to change, in dB of full scale."}
	ratio := abi.Param{Name: "ratio", Role: abi.Ratio, Default: 4, Min: 1, Max: 100, Scale: abi.Log, Doc: "dB of input per dB of output above the threshold."}
	attack := abi.Param{Name: "attack_ms", Role: abi.Attack, Unit: "ms", Default: 10, Min: 0.05, Max: 1000, Scale: abi.Log, Doc: "Time constant of a rising level."}
	release := abi.Param{Name: "release_ms", Role: abi.Release, Unit: "ms", Default: 100, Min: 1, Max: 5000, Scale: abi.Log, Doc: "Time constant of a falling level."}
	knee := abi.Param{Name: "knee_db", Role: abi.Knee, Unit: "dB", Default: 6, Min: 0, Max: 40, Doc: "Width of the quadratic corner of the curve; 0 is hard."}
	makeup := abi.Param{Name: "makeup_db", Role: abi.Gain, Unit: "dB", Default: 0, Min: -40, Max: 40, Doc: "Gain after it."}
	span := abi.Param{Name: "range_db", Role: abi.Range, Unit: "dB", Default: 40, Min: 0, Max: 120, Doc: "Most attenuation."}
	detect := abi.Key{Name: "detector", Kind: abi.String, Default: "peak", Enum: []string{"peak", "rms", "log"}, Doc: "What is smoothed: the level, its square, or the gain in dB."}
	link := abi.Key{Name: "link", Kind: abi.Bool, Default: true, Doc: "One gain for all channels, from the loudest; otherwise each has its own."}
	initial := abi.Key{Name: "start_db", Kind: abi.Number, Min: -200, Max: 40, Doc: "Level that a peak or rms detector has before frame 0, in dB; absent: silence. SoX's compand begins at 0."}
	topology := abi.Key{Name: "topology", Kind: abi.String, Default: "feedforward", Enum: []string{"feedforward", "feedback"}, Doc: "Where the level is taken: before the gain, or after it one frame before."}

	const ballistics = " The detector looks at |x| of the loudest channel. peak: e ← a e + (1 − a)|x|, a = exp(−1/(rate t)), t the attack where |x| > e and the release elsewhere (equal counts as release); " +
		"rms: the same on x²; log: the gain that the curve gives for |x| is smoothed in dB. Levels below −200 dB count as that, without slope; |x| has no slope at 0. The gradient takes each frame's branch as it fell: it is exact but where an envelope just turns. "
	const side = "The port sidechain, where something is connected, is the key in the place of the input. "
	const papers = "D. Giannoulis, M. Massberg, J. D. Reiss, Digital Dynamic Range Compressor Design: A Tutorial and Analysis, JAES 60(6), 2012; C.-Y. Yu et al., Differentiable All-pole Filters for Time-varying Audio Systems, DAFx 2024 (the adjoint)."
	common := abi.NodeType{
		Family: dynamics, Source: papers, Inputs: []string{"in", "sidechain"}, Outputs: out,
		Coupled: true, State: 4, Record: 3, FrameScratch: 5,
		Forward: dynamicsForward, Backward: dynamicsBackward,
	}
	register := func(curve curveKind, name, doc, detail string, params []abi.Param, config ...abi.Key) {
		t := common
		t.Name, t.Doc, t.Detail, t.Params, t.Config = name, doc, detail+ballistics+side, params, config
		t.Configure = func(s *abi.Setup) error { return setDynamics(s, curve) }
		abi.Register(t)
	}
	mix := abi.Param{Name: "detector_mix", Role: abi.Other, Default: 0, Min: 0, Max: 1, Doc: "Detector peak only: 0 is the peak level, 1 the RMS level, both in dB."}
	register(compressCurve, "CompressorNode", "Compressor with knee, sidechain, and feed-forward or feedback detection.",
		"g = (1/ratio − 1) k(L − threshold_db), k(d) = max(d, 0) with a quadratic corner over knee_db; y = x 10^((g + makeup_db)/20). detector_mix goes from the peak level to the RMS level in dB. topology feedback takes the level of the output of the frame before, without makeup: the curve then acts on levels that it has changed itself, and the ratio is softer.",
		[]abi.Param{threshold, ratio, attack, release, knee, makeup, mix}, detect, link, topology, initial)

	low, wide, quick := threshold, ratio, attack
	low.Default, low.Max, quick.Default = -40, 0, 1
	wide.Default, wide.Max, wide.Doc = 2, 20, "dB of output per dB of input below the threshold."
	register(expandCurve, "ExpanderNode", "Downward expander.",
		"g = max(−(ratio − 1) k(threshold_db − L), −range_db), k(d) = max(d, 0) with a quadratic corner over knee_db; y = x 10^((g + makeup_db)/20). Beyond range_db only range_db has a slope. With the log detector the attack is that of a rising gain.",
		[]abi.Param{low, wide, quick, release, knee, makeup, span}, detect, link)

	soft, deep, plain := knee, span, detect
	plain.Enum, plain.Doc = []string{"peak", "rms"}, "What is smoothed: the level or its square."
	soft.Min, soft.Doc = 1, "Width of the way from open to closed, around the threshold."
	deep.Default = 80
	register(gateCurve, "GateNode", "Noise gate.",
		"g = −range_db s((threshold_db − L)/knee_db + 1/2), s(p) = p²(3 − 2p) within 0 to 1: open knee_db/2 above the threshold, closed as far below; y = x 10^((g + makeup_db)/20).",
		[]abi.Param{low, deep, quick, release, soft, makeup}, plain, link)

	t := common
	none := knee
	none.Default = 0
	t.Name, t.Doc = "CompanderNode", "Compander: a curve of levels through points, in dB."
	t.Detail = "The output level is piecewise linear in the input level, through the points (in_db, out_db), in any order; below the first and above the last the gain stays. Corners are rounded over knee_db. Points nearer than 0.01 dB count as that far apart. " +
		"The envelope is that of SoX's compand, v += (|x| − v)(1 − exp(−1/(rate t)))." + ballistics + side
	t.Source = "C. Bagwell et al., SoX, compand; " + papers
	t.Params = []abi.Param{
		{Name: "in_db", Role: abi.Threshold, Unit: "dB", Default: 0, Min: -160, Max: 20, Vector: true, Len: 4, Doc: "Input levels of the points."},
		{Name: "out_db", Role: abi.Table, Unit: "dB", Default: 0, Min: -160, Max: 20, Vector: true, Len: 4, Doc: "Output levels of the points."},
		attack, release, none, makeup,
	}
	t.Config = []abi.Key{{Name: "points", Kind: abi.Int, Default: 4.0, Min: 2, Max: 256, Doc: "Number of points, where no values say it."}, link, initial}
	t.Prepare = companderPrepare
	t.Configure = func(s *abi.Setup) error { return setDynamics(s, compandCurve) }
	abi.Register(t)
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
		l.points = s.Config.Int("points")
		in, out := s.Length("in_db"), s.Length("out_db")
		switch {
		case in > 0 && out > 0 && in != out:
			return abi.Errorf("params.out_db", "%d values, but in_db has %d; a point is one of each", out, in)
		case max(in, out) > 0:
			l.points = max(in, out)
		}
		if l.points < 2 {
			return abi.Errorf("params.in_db", "%d point; a curve needs two", l.points)
		}
		for _, name := range []string{"in_db", "out_db"} {
			p := s.Param(name)
			p.Len, p.Defaults = l.points, make([]float64, l.points)
			for i := range p.Defaults { // 2:1 above -20 dB
				p.Defaults[i] = -80 + 80*float64(i)/float64(l.points-1)
				if name == "out_db" && p.Defaults[i] > -20 {
					p.Defaults[i] = -20 + (p.Defaults[i]+20)/2
				}
			}
		}
		s.Coefs, s.Scratch = 3*l.points+1, 2*l.points
	}
	s.Data = l
	return nil
}
