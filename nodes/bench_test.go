package nodes_test

import (
	"testing"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func BenchmarkForward(b *testing.B) {
	for _, typ := range abi.Types() {
		abitest.BenchmarkForward(b, typ, benchConfig[typ.Name])
	}
}

func BenchmarkBackward(b *testing.B) {
	for _, typ := range abi.Types() {
		abitest.BenchmarkBackward(b, typ, benchConfig[typ.Name])
	}
}

// benchConfig replaces defaults that would not be typical.
var benchConfig = map[string]abi.Config{
	"QuantizerNode": {"straight_through": true},
}
