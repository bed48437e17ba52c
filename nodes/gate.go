package nodes

import "ampfit/abi"

// Its kernel is in dynamics.go.
func init() {
	low, quick, soft, deep, plain := dynamicsThreshold, dynamicsAttack, dynamicsKnee, dynamicsRange, dynamicsDetector
	low.Default, low.Max, quick.Default = -40, 0, 1
	plain.Enum, plain.Doc = []string{"peak", "rms"}, "What is smoothed: the level or its square."
	soft.Min, soft.Doc = 1, "Width of the way from open to closed, around the threshold."
	deep.Default = 80
	registerDynamics(gateCurve, abi.NodeType{
		Name: "GateNode", Doc: "Noise gate.",
		Detail: "g = −range_db s((threshold_db − L)/knee_db + 1/2), s(p) = p²(3 − 2p) within 0 to 1: open knee_db/2 above the threshold, closed as far below; y = x 10^((g + makeup_db)/20).",
		Params: []abi.Param{low, deep, quick, dynamicsRelease, soft, dynamicsMakeup},
		Config: []abi.Key{plain, dynamicsLink},
	})
}
