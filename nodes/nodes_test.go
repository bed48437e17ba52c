package nodes_test

import (
	"testing"

	"ampfit/abi"
	"ampfit/abi/abitest"
	_ "ampfit/nodes"
)

// configs adds to what the conformance suite finds by itself: sizes that fit
// into a short run, and combinations.
var configs = map[string][]abi.Config{}

func TestConformance(t *testing.T) {
	for _, typ := range abi.Types() {
		t.Run(typ.Name, func(t *testing.T) { abitest.Conformance(t, typ, configs[typ.Name]...) })
	}
}
