package adjoint_test

import (
	"strings"
	"testing"

	"ampfit/abi"
	"ampfit/adjoint"

	"github.com/stretchr/testify/require"
)

// wrongs are factors on the terms of an adjoint: 1 where it is right.
type wrongs struct{ gain, input, knee, kink float64 }

// bent is y = gain x + max(knee - 1, 0) x², a kink at the default of the knee.
// At the kink the slope is 1, unless it is made wrong.
func bent(name string, k wrongs, tangent bool) *abi.NodeType {
	t := &abi.NodeType{
		Name: name, Doc: "A bent gain.", Family: "Test", Inputs: []string{"in"}, Outputs: []string{"out"},
		Params: []abi.Param{
			{Name: "gain", Default: 0.5, Min: -2, Max: 2, Doc: "Factor."},
			{Name: "knee", Default: 1, Min: 0, Max: 2, Doc: "Of the square."},
		},
		Forward: func(b *abi.Block) {
			for lane := range b.Lanes {
				g, knee := b.Param(0, lane).At(0), b.Param(1, lane).At(0)
				for n, x := range b.In(0, lane) {
					b.Out(0, lane)[n] = g*x + max(knee-1, 0)*x*x
				}
			}
		},
		Backward: func(b, d *abi.Block) {
			for lane := range b.Lanes {
				g, knee := b.Param(0, lane).At(0), b.Param(1, lane).At(0)
				slope := 0.0
				switch {
				case knee > 1:
					slope = k.knee
				case knee == 1:
					slope = k.kink
				}
				for n, x := range b.In(0, lane) {
					dy := d.Out(0, lane)[n]
					d.In(0, lane)[n] += k.input * (g + 2*max(knee-1, 0)*x) * dy
					d.Param(0, lane).Add(n, k.gain*x*dy)
					d.Param(1, lane).Add(n, slope*x*x*dy)
				}
			}
		},
	}
	if tangent {
		t.Tangent = func(b, t *abi.Block) {
			for lane := range b.Lanes {
				g, knee := b.Param(0, lane).At(0), b.Param(1, lane).At(0)
				slope := 0.0
				if knee >= 1 {
					slope = 1
				}
				for n, x := range b.In(0, lane) {
					t.Out(0, lane)[n] = (g+2*max(knee-1, 0)*x)*t.In(0, lane)[n] + x*t.Param(0, lane).At(0) + slope*x*x*t.Param(1, lane).At(0)
				}
			}
		}
	}
	return t
}

// A kink excuses a row, and nothing else: whatever is wrong in the adjoint beside it
// or on it, is found.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	right := wrongs{1, 1, 1, 1}
	with := func(change func(*wrongs)) wrongs { k := right; change(&k); return k }
	for name, k := range map[string]wrongs{
		"Right":         right,
		"LeftHand":      with(func(k *wrongs) { k.kink = 0 }),
		"Between":       with(func(k *wrongs) { k.kink = 0.3 }),
		"SignFlipped":   with(func(k *wrongs) { k.gain = -1 }),
		"TermMissing":   with(func(k *wrongs) { k.gain = 0 }),
		"TenThousandth": with(func(k *wrongs) { k.gain = 1.0001 }),
		"InputOff":      with(func(k *wrongs) { k.input = 1.0001 }),
		"BesideKink":    with(func(k *wrongs) { k.knee = 1.0001 }),
		"OnBothSides":   with(func(k *wrongs) { k.knee, k.kink = 1.0001, 1.0001 }),
		"NeitherSlope":  with(func(k *wrongs) { k.kink = 1.5 }),
		"OtherSign":     with(func(k *wrongs) { k.kink = -1 }),
	} {
		for _, tangent := range []bool{false, true} {
			full := "TestBent" + name
			if tangent {
				full += "Tangent"
			}
			abi.Register(*bent(full, k, tangent && k.kink == 1)) // the tangent takes the right-hand slope
			t.Run(full, func(t *testing.T) {
				g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "b", "type": "`+full+`"}], "edges": [{"source": "dry", "target": "b"}]}`)
				for seed := range uint64(3) {
					r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Seed: seed, Options: adjoint.Options{Frames: 1000}})
					require.NoError(t, err)
					ok := map[string]string{"Right": "right-hand", "LeftHand": "left-hand", "Between": "one between"}[name]
					require.Equal(t, ok != "", r.OK, "%s", r)
					require.True(t, r.Rows[1].Kink)
					if ok != "" {
						require.Equal(t, ok, r.Rows[1].Takes)
						require.True(t, strings.Contains(r.String(), "kink at b.knee = 1: "), r)
					}
				}
			})
		}
	}
}
