package run_test

import (
	"math"
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// vcaWith plays 1 through a gain of 0.5 that edges modulate; m is 1, 2, 3, ….
func vcaWith(t *testing.T, frames int, base string, edges string) ([]float64, *run.Run) {
	p := plan(t, `{"name": "m", "type": "InputNode"},{"name": "x", "type": "ConstantNode", "params": {"value": 1}},
		{"name": "vca", "type": "GainNode", "params": {"gain": `+base+`}}`, edge("x", "vca", 0)+","+edges, graph.Options{Frames: frames})
	r := run.New(p, run.Options{})
	r.Input = [][]float64{ramp(frames)}
	return r.Render(true)[0], r
}

func TestModulationFollowsTheOrderOfTheFile(t *testing.T) {
	add := `{"source": "m", "target": "vca.gain", "scale": 2}`
	times := `{"source": "m", "target": "vca.gain", "scale": 3, "mode": "multiply"}`
	y, _ := vcaWith(t, 3, "0.5", add+","+times)
	require.Equal(t, []float64{(0.5 + 2) * 3, (0.5 + 4) * 6, (0.5 + 6) * 9}, y)
	y, _ = vcaWith(t, 3, "0.5", times+","+add)
	require.Equal(t, []float64{0.5*3 + 2, 0.5*6 + 4, 0.5*9 + 6}, y)
}

// Before it is visible a modulator is left out: it does not multiply by zero.
func TestModulatorNotYetVisibleIsLeftOut(t *testing.T) {
	y, _ := vcaWith(t, 5, "0.5", `{"source": "m", "target": "vca.gain", "mode": "multiply", "delay_frames": 2},{"source": "m", "target": "vca.gain", "delay_frames": 4}`)
	require.Equal(t, []float64{0.5, 0.5, 0.5 * 1, 0.5 * 2, 0.5*3 + 1}, y)
}

// The effective value stays in the type's range, and frames outside are counted.
func TestModulationIsClamped(t *testing.T) {
	y, r := vcaWith(t, 5, "95", `{"source": "m", "target": "vca.gain", "scale": 2}`)
	require.Equal(t, []float64{97, 99, 100, 100, 100}, y)
	require.EqualValues(t, 3, r.Clamped())
	r.Render(true)
	require.EqualValues(t, 3, r.Clamped(), "the count begins anew with a run")
	_, r = vcaWith(t, 5, "90", `{"source": "m", "target": "vca.gain", "scale": 2}`)
	require.Zero(t, r.Clamped(), "the bound itself is inside")
}

// Heat by the default rule: |x² − y²| dt, over all channels of a frame.
func TestHeatByTheDefaultRule(t *testing.T) {
	p := plan(t, dry+`,{"name": "l", "type": "LookaheadNode", "config": {"frames": 3}, "params": {"thermo.heat": 2}},
		{"name": "a", "type": "GainNode", "params": {"gain": 0.5}}`, edge("dry", "l", 0)+","+edge("l", "a", 0), graph.Options{Frames: 200, Channels: 2, Settings: graph.Settings{Block: 7}})
	for _, segment := range []int{0, 20} {
		r := run.New(p, run.Options{Heat: true, Limits: tape.Limits{Segment: segment}})
		r.Input = [][]float64{noise(1, 200), noise(2, 200)}
		y := r.Render(true)
		want := 0.0
		for n := range y[0] {
			e := 3*y[0][n]*y[0][n] + 3*y[1][n]*y[1][n] // x = 2y, x² − y² = 3y²
			want += math.Abs(e) / 48000
		}
		heat := r.Heat()
		require.InEpsilon(t, want, heat["a"][0], 1e-13)
		// The input is compared as it was when the output's frame came in: a
		// wire that is late takes nothing, and keeps what it started with.
		require.Equal(t, []float64{2}, heat["l"])
		energy := 0.0
		for _, row := range r.Input {
			for _, x := range row {
				energy += x * x / 48000
			}
		}
		require.InEpsilon(t, energy, heat["dry"][0], 1e-13, "what the input brings in")
	}
	r := run.New(p, run.Options{})
	r.Render(true)
	require.Equal(t, []float64{0}, r.Heat()["a"], "heat is integrated on demand")
}

func TestHeatStartsPerBatch(t *testing.T) {
	p := plan(t, `{"name": "a", "type": "ConstantNode", "params": {"value": 3, "thermo.heat": [1, 5]}}`, "", graph.Options{Frames: 48, Batches: 2})
	r := run.New(p, run.Options{Heat: true})
	r.Render(true)
	require.InDeltaSlice(t, []float64{1 + 9*0.001, 5 + 9*0.001}, r.Heat()["a"], 1e-14)
}

// An oversampled node's heat is that of its kernel, at the kernel's rate.
func TestHeatOfOversampledNode(t *testing.T) {
	p := plan(t, dry+`,{"name": "a", "type": "GainNode", "oversample_ratio": 4, "params": {"gain": 0}}`, edge("dry", "a", 0), graph.Options{Frames: 4000})
	r := run.New(p, run.Options{Heat: true})
	x := make([]float64, 4000)
	for n := range x {
		x[n] = math.Sin(2 * math.Pi * 1000 / 48000 * float64(n))
	}
	r.Input = [][]float64{x}
	r.Render(true)
	// Half a joule a second: the filter passes 1 kHz, and starts and ends late.
	require.InDelta(t, 0.5*4000/48000, r.Heat()["a"][0], 0.5*80/48000)
}

// A state below 1e-150 becomes 0 at multiples of 4096, so a decay never gets to
// denormal numbers; at the same frame for every block.
func TestDecayIsFlushed(t *testing.T) {
	const frames = 3 * 4096
	x := make([]float64, frames)
	x[0] = 1
	for _, block := range []int{1, 1000, 4096} {
		// 0.9 of what is left a frame: 1e-150 after 3300 frames, denormal after 6700.
		p := plan(t, dry+`,{"name": "a", "type": "OnePoleNode", "params": {"cutoff_hz": 805}}`, edge("dry", "a", 0), graph.Options{Frames: frames, Settings: graph.Settings{Block: block}})
		r := run.New(p, run.Options{})
		r.Input = [][]float64{x}
		y := r.Render(true)[0]
		require.NotZero(t, y[4095])
		require.Less(t, y[4095], 1e-150)
		require.Zero(t, y[4096])
		for _, v := range y[4096:] {
			require.Zero(t, v)
		}
	}
}
