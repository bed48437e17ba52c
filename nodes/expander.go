package nodes

import "ampfit/abi"

// Its kernel is in dynamics.go.
func init() {
	low, wide, quick := dynamicsThreshold, dynamicsRatio, dynamicsAttack
	low.Default, low.Max, quick.Default = -40, 0, 1
	wide.Default, wide.Max, wide.Doc = 2, 20, "dB of output per dB of input below the threshold."
	registerDynamics(expandCurve, abi.NodeType{
		Name: "ExpanderNode", Doc: "Downward expander.",
		Detail: "g = max(−(ratio − 1) k(threshold_db − L), −range_db), k(d) = max(d, 0) with a quadratic corner over knee_db; y = x 10^((g + makeup_db)/20). Beyond range_db only range_db has a slope. With the log detector the attack is that of a rising gain.",
		Params: []abi.Param{low, wide, quick, dynamicsRelease, dynamicsKnee, dynamicsMakeup, dynamicsRange},
		Config: []abi.Key{dynamicsDetector, dynamicsLink},
	})
}
