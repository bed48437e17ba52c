package nodes_test

import (
	"testing"

	"ampfit/abi"
	"ampfit/abi/abitest"
	_ "ampfit/nodes"
)

// configs adds to what the conformance suite finds by itself: sizes that fit
// into a short run, and combinations.
var configs = map[string][]abi.Config{
	"ParametricEQNode": {{"bands": 1.0}, {"bands": 2.0}},
	"DelayNode": {
		{"max_ms": 0.1}, {"max_ms": 1.0}, {"max_ms": 0.1, "interp": "lagrange3"}, {"max_ms": 1.0, "interp": "lagrange3"},
		{"max_ms": 0.1, "interp": "allpass"}, {"max_ms": 1.0, "interp": "allpass"},
	},
}

func TestConformance(t *testing.T) {
	for _, typ := range abi.Types() {
		t.Run(typ.Name, func(t *testing.T) { abitest.Conformance(t, typ, configs[typ.Name]...) })
	}
}
