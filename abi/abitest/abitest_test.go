package abitest

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
)

// recorder is a testing.TB that keeps failures for itself.
type recorder struct {
	testing.TB
	messages []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.messages = append(r.messages, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// record returns what check complains about.
func record(t *testing.T, check func(testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	return strings.Join(r.messages, "\n")
}

// leaky is a leaky integrator with a gain, y[n] = g x[n] + r y[n-1], as small
// as a type with input, parameters and state can be.
func leaky() abi.NodeType {
	return abi.NodeType{
		Name: "LeakyNode", Doc: "A fake.", Family: "Test",
		Inputs: []string{"in"}, Outputs: []string{"out"},
		Params: []abi.Param{
			{Name: "gain", Doc: "g", Default: 1, Min: -4, Max: 4, Mod: true},
			{Name: "pole", Doc: "r", Default: 0.9, Min: 0, Max: 0.99},
		},
		State: 1, Scratch: 1,
		Forward: func(b *abi.Block) {
			for lane := range b.Lanes {
				x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
				g, r := b.Param(0, lane), b.Param(1, lane)
				for n := range x {
					state[0] = g.At(n)*x[n] + r.At(n)*state[0]
					y[n] = state[0]
				}
			}
		},
		Backward: func(b, d *abi.Block) {
			for lane := range b.Lanes {
				x, y := b.In(0, lane), b.Out(0, lane)
				dx, dy := d.In(0, lane), d.Out(0, lane)
				g, r, dg, dr := b.Param(0, lane), b.Param(1, lane), d.Param(0, lane), d.Param(1, lane)
				carry := d.State(lane)[0]
				for n := len(x) - 1; n >= 0; n-- {
					prev := b.Before(lane)[0]
					if n > 0 {
						prev = y[n-1]
					}
					lambda := dy[n] + carry
					dx[n] += g.At(n) * lambda
					dg.Add(n, x[n]*lambda)
					dr.Add(n, prev*lambda)
					carry = r.At(n) * lambda
				}
				d.State(lane)[0] = carry
			}
		},
		Tangent: func(b, t *abi.Block) {
			for lane := range b.Lanes {
				x, y := b.In(0, lane), b.Out(0, lane)
				tx, ty := t.In(0, lane), t.Out(0, lane)
				g, r, tg, tr := b.Param(0, lane), b.Param(1, lane), t.Param(0, lane), t.Param(1, lane)
				last, prev := t.State(lane)[0], b.Before(lane)[0]
				for n := range x {
					last = g.At(n)*tx[n] + tg.At(n)*x[n] + r.At(n)*last + tr.At(n)*prev
					ty[n], prev = last, y[n]
				}
				t.State(lane)[0] = last
			}
		},
	}
}

func TestConformancePassesAGoodKernel(t *testing.T) {
	typ := leaky()
	typ.CohortForward, typ.CohortBackward = typ.Forward, typ.Backward
	require.Empty(t, record(t, func(tb testing.TB) { Conformance(tb, &typ) }))
}

// A corner in the middle of the signal must be told apart from a wrong slope.
func TestConformancePassesAKink(t *testing.T) {
	typ := abi.NodeType{
		Name: "RectNode", Doc: "A fake.", Family: "Test", Inputs: []string{"in"}, Outputs: []string{"out"},
		Forward: func(b *abi.Block) {
			for lane := range b.Lanes {
				for n, x := range b.In(0, lane) {
					b.Out(0, lane)[n] = math.Abs(x)
				}
			}
		},
		Backward: func(b, d *abi.Block) {
			for lane := range b.Lanes {
				for n, x := range b.In(0, lane) {
					d.In(0, lane)[n] += math.Copysign(1, x) * d.Out(0, lane)[n]
				}
			}
		},
	}
	require.Empty(t, record(t, func(tb testing.TB) { Conformance(tb, &typ) }))
}

var sink []float64

// Every one of these kernels is wrong in one place, and must fail there.
func TestConformanceFindsBrokenKernels(t *testing.T) {
	good := leaky()
	for _, tc := range []struct {
		name, complaint string
		damage          func(typ *abi.NodeType)
	}{
		{"assigns the input gradient", "Backward adds to gradients", func(typ *abi.NodeType) {
			typ.Backward = func(b, d *abi.Block) {
				for lane := range b.Lanes {
					clear(d.In(0, lane))
				}
				good.Backward(b, d)
			}
		}},
		{"assigns a parameter gradient", "Backward adds to gradients", func(typ *abi.NodeType) {
			typ.Backward = func(b, d *abi.Block) {
				for lane := range b.Lanes {
					p := d.Param(1, lane)
					p.Add(0, -p.At(0))
				}
				good.Backward(b, d)
			}
		}},
		{"forgets the gradient of the state", "⟨Jv,w⟩", func(typ *abi.NodeType) {
			typ.Backward = func(b, d *abi.Block) {
				good.Backward(b, d)
				for lane := range b.Lanes {
					d.State(lane)[0] = 0
				}
			}
		}},
		{"forgets the gradient of the state, without tangent", "adjoint against differences", func(typ *abi.NodeType) {
			typ.Tangent = nil
			typ.Backward = func(b, d *abi.Block) {
				good.Backward(b, d)
				for lane := range b.Lanes {
					d.State(lane)[0] = 0
				}
			}
		}},
		{"forgets the carry of the adjoint", "Backward in one block", func(typ *abi.NodeType) {
			typ.Backward = func(b, d *abi.Block) {
				for lane := range b.Lanes {
					d.State(lane)[0] = 0
				}
				good.Backward(b, d)
			}
		}},
		{"forgets the carry of the state", "block sizes give the same bits", func(typ *abi.NodeType) {
			typ.Forward = func(b *abi.Block) {
				for lane := range b.Lanes {
					b.State(lane)[0] = 0
				}
				good.Forward(b)
			}
		}},
		{"depends on the block size", "block sizes give the same bits", func(typ *abi.NodeType) {
			typ.Forward = func(b *abi.Block) {
				good.Forward(b)
				for lane := range b.Lanes {
					b.Out(0, lane)[b.Frames-1] += 1e-9
				}
			}
		}},
		{"keeps a memory of its own", "same bits", func(typ *abi.NodeType) {
			calls := 0.0
			typ.Forward = func(b *abi.Block) {
				good.Forward(b)
				calls++
				b.Out(0, 0)[0] += 1e-12 * calls
			}
		}},
		{"depends on the lane", "a lane alone", func(typ *abi.NodeType) {
			typ.Forward = func(b *abi.Block) {
				good.Forward(b)
				for lane := range b.Lanes {
					b.Out(0, lane)[0] *= 1 + 1e-12*float64(lane)
				}
			}
		}},
		{"takes the frame of lane 0 for all", "lanes at different frames", func(typ *abi.NodeType) {
			typ.Forward = func(b *abi.Block) {
				good.Forward(b)
				for lane := range b.Lanes {
					for n := range b.Out(0, lane) {
						b.Out(0, lane)[n] += float64(b.Frame(0) + int64(n))
					}
				}
			}
		}},
		{"reads scratch memory", "finite output", func(typ *abi.NodeType) {
			typ.Forward = func(b *abi.Block) {
				good.Forward(b)
				for lane := range b.Lanes {
					b.Out(0, lane)[0] += b.Scratch(lane)[0]
				}
			}
		}},
		{"allocates", "no allocation", func(typ *abi.NodeType) {
			typ.Forward = func(b *abi.Block) {
				good.Forward(b)
				sink = make([]float64, 9)
			}
		}},
		{"has a wrong slope", "adjoint against differences", func(typ *abi.NodeType) {
			typ.Backward = func(b, d *abi.Block) {
				good.Backward(b, d)
				for lane := range b.Lanes {
					d.Param(1, lane).Add(0, 0.001*d.Out(0, lane)[0])
				}
			}
		}},
		{"has a wrong slope in adjoint and tangent alike", "adjoint against differences", func(typ *abi.NodeType) {
			typ.Backward = func(b, d *abi.Block) {
				good.Backward(b, d)
				for lane := range b.Lanes {
					d.Param(0, lane).Add(0, 0.01*d.Out(0, lane)[0])
				}
			}
			typ.Tangent = func(b, t *abi.Block) {
				good.Tangent(b, t)
				for lane := range b.Lanes {
					t.Out(0, lane)[0] += 0.01 * t.Param(0, lane).At(0)
				}
			}
		}},
		{"has a wrong tangent", "⟨Jv,w⟩", func(typ *abi.NodeType) {
			typ.Tangent = func(b, t *abi.Block) {
				good.Tangent(b, t)
				t.Out(0, 0)[0] *= 1 + 1e-6
			}
		}},
		{"has a cohort kernel that differs", "cohort kernel equals", func(typ *abi.NodeType) {
			typ.CohortForward = func(b *abi.Block) {
				good.Forward(b)
				b.Out(0, 0)[0] *= 1 + 1e-9
			}
		}},
		{"has a cohort kernel that counts lanes", "cohort kernel gives the same bits", func(typ *abi.NodeType) {
			typ.CohortForward = func(b *abi.Block) {
				good.Forward(b)
				for lane := b.Lanes &^ 3; lane < b.Lanes; lane++ {
					for n := range b.Out(0, lane) {
						b.Out(0, lane)[n] = math.Nextafter(b.Out(0, lane)[n], 9)
					}
				}
			}
		}},
		{"fails at the bound", "finite output", func(typ *abi.NodeType) {
			typ.Forward = func(b *abi.Block) {
				good.Forward(b)
				for lane := range b.Lanes {
					b.Out(0, lane)[0] += 0 * math.Log(b.Param(1, lane).At(0))
				}
			}
		}},
		{"changes the gradient of its output", "adjoint against differences", func(typ *abi.NodeType) {
			typ.Backward = func(b, d *abi.Block) {
				good.Backward(b, d)
				for lane := range b.Lanes {
					d.In(0, lane)[0] *= 2
				}
			}
		}},
		{"declares a wrong delay", "declared delay", func(typ *abi.NodeType) { typ.Delay = 3 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			typ := leaky()
			tc.damage(&typ)
			got := record(t, func(tb testing.TB) { Conformance(tb, &typ) })
			require.Contains(t, got, tc.complaint)
		})
	}
}

// A gradient with a wrong kink is not excused by the kink.
func TestConformanceNeverWaivesAKink(t *testing.T) {
	typ := abi.NodeType{
		Name: "RectNode", Doc: "A fake.", Family: "Test", Inputs: []string{"in"}, Outputs: []string{"out"},
		Params: []abi.Param{{Name: "corner", Doc: "c", Default: 0.5, Min: 0, Max: 1}},
		Forward: func(b *abi.Block) {
			for lane := range b.Lanes {
				c := b.Param(0, lane).At(0)
				for n := range b.In(0, lane) { // a corner wherever the parameter stands
					b.Out(0, lane)[n] = math.Floor(c*1e7) * 1e-7
				}
			}
		},
		Backward: func(b, d *abi.Block) {},
	}
	require.Contains(t, record(t, func(tb testing.TB) { Conformance(tb, &typ) }), "adjoint against differences")
}

func TestFailurePrintsTheTable(t *testing.T) {
	typ := leaky()
	backward := typ.Backward
	typ.Backward = func(b, d *abi.Block) {
		backward(b, d)
		for lane := range b.Lanes {
			d.Param(1, lane).Add(0, 1)
		}
	}
	got := record(t, func(tb testing.TB) { Conformance(tb, &typ) })
	for _, want := range []string{"what", "adjoint", "difference", "rel. error", "parameter pole"} {
		require.Contains(t, got, want)
	}
	require.NotContains(t, got, "parameter gain  ")
}

func TestDifferentiate(t *testing.T) {
	d := differentiate(func(h float64) float64 { return math.Exp(3 * h) }, 0.02, 1e-15)
	require.InDelta(t, 3, d.value, 1e-9)
	require.Less(t, d.uneven, 1e-3)
	// slopes of -1 and 1 are 2 apart
	require.InDelta(t, 2, differentiate(math.Abs, 0.02, 1e-15).uneven, 1e-9)
}
