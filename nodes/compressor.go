package nodes

import "ampfit/abi"

// Its kernel is in dynamics.go.
func init() {
	registerDynamics(compressCurve, abi.NodeType{
		Name: "CompressorNode", Doc: "Compressor with knee, sidechain, and feed-forward or feedback detection.",
		Detail: "g = (1/ratio − 1) k(L − threshold_db), k(d) = max(d, 0) with a quadratic corner over knee_db; y = x 10^((g + makeup_db)/20). detector_mix goes from the peak level to the RMS level in dB. topology feedback takes the level of the output of the frame before, without makeup: the curve then acts on levels that it has changed itself, and the ratio is softer.",
		Params: []abi.Param{
			dynamicsThreshold, dynamicsRatio, dynamicsAttack, dynamicsRelease, dynamicsKnee, dynamicsMakeup,
			{Name: "detector_mix", Role: abi.Other, Default: 0, Min: 0, Max: 1, Held: true, Doc: "Detector peak only: 0 is the peak level, 1 the RMS level, both in dB."},
		},
		Config: []abi.Key{
			dynamicsDetector, dynamicsLink,
			{Name: "topology", Kind: abi.String, Default: "feedforward", Enum: []string{"feedforward", "feedback"}, Doc: "Where the level is taken: before the gain, or after it one frame before."},
			dynamicsStart,
		},
	})
}
