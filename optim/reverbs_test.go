package optim_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/wav"
	"ampfit/optim"
	"ampfit/optim/loss"

	"github.com/stretchr/testify/require"
)

// Reverberators to fit to, written from their published descriptions and not
// from the nodes of this module.

// line is a delay of whole frames.
type line struct {
	past []float64
	at   int
}

func newLine(frames int) *line { return &line{past: make([]float64, frames)} }

// step returns what went in len(past) frames ago, and takes x in.
func (l *line) step(x float64) float64 {
	y := l.past[l.at]
	l.past[l.at] = x
	l.at = (l.at + 1) % len(l.past)
	return y
}

// tap returns what went in k frames ago.
func (l *line) tap(k int) float64 {
	return l.past[((l.at-k)%len(l.past)+len(l.past))%len(l.past)]
}

// allpass is Schroeder's: y = −g v + z^-m v, v = x + g z^-m v.
func (l *line) allpass(x, g float64) float64 {
	old := l.past[l.at]
	v := x + g*old
	l.step(v)
	return old - g*v
}

// schroederMoorer is eight parallel combs with a low-pass in the loop and four
// all-passes after them, with the lengths of the widely used Freeverb.
//
// Sources: M. R. Schroeder, Natural Sounding Artificial Reverberation, JAES 10,
// 1962; J. A. Moorer, About This Reverberation Business, CMJ 3(2), 1979;
// J. O. Smith, Physical Audio Signal Processing, "Freeverb" (the lengths).
func schroederMoorer(x []float64, rate, loop, damp float64) []float64 {
	scale := rate / 44100
	var combs, allpasses []*line
	for _, m := range []float64{1557, 1617, 1491, 1422, 1277, 1356, 1188, 1116} {
		combs = append(combs, newLine(int(m*scale)))
	}
	for _, m := range []float64{225, 556, 441, 341} {
		allpasses = append(allpasses, newLine(int(m*scale)))
	}
	low := make([]float64, len(combs))
	y := make([]float64, len(x))
	for n, v := range x {
		sum := 0.0
		for i, c := range combs {
			out := c.past[c.at]
			low[i] = (1-damp)*out + damp*low[i]
			c.step(v + loop*low[i])
			sum += out
		}
		for _, a := range allpasses {
			old := a.past[a.at]
			a.step(sum + 0.5*old)
			sum = old - sum
		}
		y[n] = 0.1 * sum
	}
	return y
}

// plate is a tank of two cross-coupled branches of all-passes, delays and
// low-passes behind four all-passes, all at rest.
//
// Source: J. Dattorro, Effect Design, Part 1: Reverberator and Other Filters,
// JAES 45(9), 1997, fig. 1 and tables 1 and 2 (lengths at 29761 Hz).
func plate(x []float64, rate, decay, bandwidth, damping float64) []float64 {
	frames := func(m int) int { return int(math.Round(float64(m) * rate / 29761)) }
	var in []*line
	for _, m := range []int{142, 107, 379, 277} {
		in = append(in, newLine(frames(m)))
	}
	type branch struct {
		first, second *line // all-passes
		long, after   *line
		low           float64
	}
	left := branch{newLine(frames(672)), newLine(frames(1800)), newLine(frames(4453)), newLine(frames(3720)), 0}
	right := branch{newLine(frames(908)), newLine(frames(2656)), newLine(frames(4217)), newLine(frames(3163)), 0}
	y := make([]float64, len(x))
	band, fromLeft, fromRight := 0.0, 0.0, 0.0
	for n, v := range x {
		band += bandwidth * (v - band)
		v = band
		for i, g := range []float64{0.75, 0.75, 0.625, 0.625} {
			v = in[i].allpass(v, g)
		}
		run := func(b *branch, u float64) float64 {
			u = b.long.step(b.first.allpass(u, -0.7))
			b.low += (1 - damping) * (u - b.low)
			return b.after.step(b.second.allpass(decay*b.low, 0.5))
		}
		l, r := v+decay*fromRight, v+decay*fromLeft
		fromLeft, fromRight = run(&left, l), run(&right, r)
		y[n] = 0.6 * (right.long.tap(frames(266)) + right.long.tap(frames(2974)) - right.second.tap(frames(1913)) + right.after.tap(frames(1996)) -
			left.long.tap(frames(1990)) - left.second.tap(frames(187)) - left.after.tap(frames(1066)))
	}
	return y
}

// room is the response of a rectangular room by its image sources, walls that
// reflect the part beta of the pressure, through a fractional delay of a
// windowed sinc each.
//
// Source: J. B. Allen, D. A. Berkley, Image Method for Efficiently Simulating
// Small-Room Acoustics, JASA 65(4), 1979.
func room(size, source, ear [3]float64, beta, seconds, rate float64) []float64 {
	const sound = 343.0
	h := make([]float64, int(seconds*rate))
	reach := seconds * sound
	var most [3]int
	for i := range most {
		most[i] = int(reach/(2*size[i])) + 1
	}
	for a := -most[0]; a <= most[0]; a++ {
		for b := -most[1]; b <= most[1]; b++ {
			for c := -most[2]; c <= most[2]; c++ {
				for mirrored := range 8 {
					distance, bounces := 0.0, 0
					for i, k := range []int{a, b, c} {
						p := mirrored >> i & 1
						at := float64(1-2*p)*source[i] + 2*float64(k)*size[i] - ear[i]
						distance += at * at
						bounces += abs(k-p) + abs(k)
					}
					distance = math.Sqrt(distance)
					gain := math.Pow(beta, float64(bounces)) / distance
					at := distance / sound * rate
					for n := int(at) - 15; n <= int(at)+16; n++ {
						if n < 0 || n >= len(h) {
							continue
						}
						u := float64(n) - at
						w := 1.0
						if u != 0 {
							w = math.Sin(math.Pi*u) / (math.Pi * u)
						}
						h[n] += gain * w * (0.5 + 0.5*math.Cos(math.Pi*u/17))
					}
				}
			}
		}
	}
	return h
}

func abs(k int) int { return max(k, -k) }

// convolve is x * h over the length of x.
func convolve(x, h []float64) []float64 {
	y := make([]float64, len(x))
	for n := range y {
		for k := 0; k <= n && k < len(h); k++ {
			y[n] += h[k] * x[n-k]
		}
	}
	return y
}

// reverbTarget is a way in which a recording with reverberation came about, and
// its twin: the same room with other delays. What is left between the two is
// what another reverberator of the same decay cannot follow, so a fit does well
// that comes near it.
type reverbTarget struct {
	name      string
	wet, twin func(t *testing.T, x []float64, rate float64) []float64
	mix       float64
}

type reverb = func(t *testing.T, x []float64, rate float64) []float64

// other takes a reverb with lines so many times longer, of the same decay.
func other(r func(x []float64, rate, lines float64) []float64, lines float64) reverb {
	return func(_ *testing.T, x []float64, rate float64) []float64 { return r(x, rate, lines) }
}

func hall(x []float64, rate, lines float64) []float64 {
	return schroederMoorer(x, rate*lines, math.Pow(0.84, lines), 0.2)
}

func foil(x []float64, rate, lines float64) []float64 {
	return plate(x, rate*lines, math.Pow(0.5, lines), 0.9, 0.1)
}

func shoebox(x []float64, rate, lines float64) []float64 {
	h := room([3]float64{5.2 * lines, 4.1, 2.9 / lines}, [3]float64{1.3, 2.2 / lines, 1.5}, [3]float64{3.9, 1.1 * lines, 1.7}, 0.8, 0.5, rate)
	return convolve(x, h)
}

var reverbTargets = []reverbTarget{
	{"schroeder", other(hall, 1), other(hall, 1.07), 0.4},
	{"schroeder wet", other(hall, 1), other(hall, 1.07), 0.95},
	{"plate", other(foil, 1), other(foil, 1.07), 0.4},
	{"room", other(shoebox, 1), other(shoebox, 1.04), 1},
	{"sox", soxReverb("100"), soxReverb("90"), 1},
}

// soxReverb is SoX's reverb over the dry sound, at its defaults but for the size
// of the room.
func soxReverb(size string) reverb {
	return func(t *testing.T, x []float64, rate float64) []float64 {
		return soxOf(t, x, rate, "reverb", "50", "50", size, "0", "0", "0")
	}
}

// soxOf is an effect of SoX.
func soxOf(t *testing.T, x []float64, rate float64, effect ...string) []float64 {
	t.Helper()
	if _, err := exec.LookPath("sox"); err != nil {
		t.Skip("no sox")
	}
	in, out := filepath.Join(t.TempDir(), "in.wav"), filepath.Join(t.TempDir(), "out.wav")
	_, err := wav.Write(in, int(rate), [][]float64{x}, wav.Float32)
	require.NoError(t, err)
	text, err := exec.Command("sox", append([]string{in, "-b", "32", "-e", "float", out}, effect...)...).CombinedOutput()
	require.NoError(t, err, string(text))
	y, err := wav.Read(out)
	require.NoError(t, err)
	return fitLength(y.Rows(), len(x))[0]
}

// reverbGraph is what a user would write to match one.
type reverbGraph struct{ name, nodes, edges string }

const dryWet = `{"name": "x", "type": "DryWetNode"}`

var reverbGraphs = []reverbGraph{
	{"fdn", `{"name": "r", "type": "FDNNode", "config": {"lines": 8}, "params": {"damping_hz": [6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000]}}, ` + dryWet,
		`{"source": "dry", "target": "r"}, {"source": "dry", "target": "x.dry"}, {"source": "r", "target": "x.wet"}`},
	{"fdn2", `{"name": "r", "type": "FDNNode", "config": {"lines": 16, "bands": 2}}, ` + dryWet,
		`{"source": "dry", "target": "r"}, {"source": "dry", "target": "x.dry"}, {"source": "r", "target": "x.wet"}`},
	{"noise", `{"name": "x", "type": "NoiseReverbNode", "config": {"length_s": 1.5}}`, `{"source": "dry", "target": "x"}`},
	{"network", `{"name": "c1", "type": "CombNode", "params": {"time_ms": 29.7}}, {"name": "c2", "type": "CombNode", "params": {"time_ms": 37.1}}, {"name": "c3", "type": "CombNode", "params": {"time_ms": 41.1}}, {"name": "c4", "type": "CombNode", "params": {"time_ms": 43.7}},
		{"name": "a1", "type": "AllpassDelayNode", "gather": "sum", "params": {"time_ms": 5}}, {"name": "a2", "type": "AllpassDelayNode", "params": {"time_ms": 1.7}}, {"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": 6000}}, {"name": "g", "type": "GainNode", "params": {"gain_db": -12}}, ` + dryWet,
		`{"source": "dry", "target": "c1"}, {"source": "dry", "target": "c2"}, {"source": "dry", "target": "c3"}, {"source": "dry", "target": "c4"}, {"source": "c1", "target": "a1"}, {"source": "c2", "target": "a1"}, {"source": "c3", "target": "a1"}, {"source": "c4", "target": "a1"},
		{"source": "a1", "target": "a2"}, {"source": "a2", "target": "lp"}, {"source": "lp", "target": "g"}, {"source": "dry", "target": "x.dry"}, {"source": "g", "target": "x.wet"}`},
	{"convolver", `{"name": "x", "type": "FIRNode", "config": {"taps": 44100}}`, `{"source": "dry", "target": "x"}`},
}

// AMPFIT_REVERBS=all, or a list of target/graph, fits reverberators to each
// other. Each logs a row: target, graph, spectral distance at the start and
// the end, goal, seconds.
func TestReverbs(t *testing.T) {
	only := os.Getenv("AMPFIT_REVERBS")
	if only == "" {
		t.Skip("set AMPFIT_REVERBS to all or a list of target/graph")
	}
	for _, target := range reverbTargets {
		for _, g := range reverbGraphs {
			name := target.name + "/" + g.name
			if only != "all" && !slices.ContainsFunc(strings.Split(only, ","), func(s string) bool { return strings.Contains(name, s) }) {
				continue
			}
			t.Run(name, func(t *testing.T) { fitReverb(t, &target, &g) })
		}
	}
}

func fitReverb(t *testing.T, to *reverbTarget, with *reverbGraph) {
	x, rate := drySound(t, 1, 2)
	x = append(x, make([]float64, int(rate))...)
	y, twin := to.wet(t, x, rate), to.twin(t, x, rate)
	for n := range y {
		y[n] = (1-to.mix)*x[n] + to.mix*y[n]
		twin[n] = (1-to.mix)*x[n] + to.mix*twin[n]
	}
	g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": %g, "nodes": [%s,%s], "edges": [%s], "output": "x"}`, rate, dry, with.nodes, with.edges)))
	require.NoError(t, err)
	judge := func(rows [][]float64, spec string) float64 {
		l, err := loss.Parse(spec, y, 1, rate)
		require.NoError(t, err)
		return l.Evaluate(nil, rows[0])
	}
	began := time.Now()
	r, err := optim.Fit(context.Background(), g, optim.FitOptions{Target: [][]float64{y}, Input: [][]float64{x}, Rate: rate, Options: run.Options{Threads: 2}})
	require.NoError(t, err)
	floor := judge([][]float64{twin}, taskSpectra)
	start, end := judge(r.Start, taskSpectra), judge(r.Output, taskSpectra)
	t.Logf("| %s/%s | %.4g | %.4g | %.4g | %.3g times | twin %.4g | esr %.4g | fitted by %s in %d steps, %.1f s", to.name, with.name, start, end, start/3, start/end, floor,
		judge(r.Output, "esr"), r.LossName, r.Steps, time.Since(began).Seconds())
	for _, p := range r.Params {
		if p.Learned {
			t.Logf("  %s.%s %v -> %v %s", p.Node, p.Name, brief(p.Initial), brief(p.Value), p.Unit)
		}
	}
	require.LessOrEqual(t, end, max(start/3, 1.1*floor))
}
