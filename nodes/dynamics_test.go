package nodes_test

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
	"ampfit/adjoint"
	"ampfit/graph"
)

// connected returns a type whose sidechain is always connected.
func connected(name string) *abi.NodeType {
	typ := *abi.Lookup(name)
	inner := typ.Configure
	typ.Configure = func(s *abi.Setup) error {
		s.Connected = func(string) bool { return true }
		return inner(s)
	}
	return &typ
}

func TestDynamicsConformance(t *testing.T) {
	abitest.Conformance(t, abi.Lookup("CompressorNode"), abi.Config{"topology": "feedback", "detector": "log"},
		abi.Config{"topology": "feedback", "detector": "rms"}, abi.Config{"topology": "feedback", "link": false}, abi.Config{"start_db": 0.0}, abi.Config{"topology": "feedback", "start_db": -6.0, "detector": "rms"})
	abitest.Conformance(t, abi.Lookup("CompanderNode"), abi.Config{"start_db": 0.0})
	abitest.Conformance(t, abi.Lookup("SlewLimiterNode"), abi.Config{"order": 2.0})
	t.Run("sidechain", func(t *testing.T) {
		typ := connected("CompressorNode")
		typ.Config = nil
		for _, detector := range []string{"peak", "log"} {
			for _, link := range []bool{true, false} {
				abitest.Conformance(t, typ, abi.Config{"detector": detector, "link": link, "topology": "feedforward"})
			}
		}
	})
}

// constant returns frames of one level.
func constant(frames int, level float64) []float64 {
	return slices.Repeat([]float64{level}, frames)
}

// At rest the gain is that of the curve, for every detector.
func TestDynamicsCurvesAtRest(t *testing.T) {
	const frames = 96000
	p := func(more abitest.P) abitest.P {
		p := abitest.P{"threshold_db": -20.0, "attack_ms": 5.0, "release_ms": 20.0}
		maps.Copy(p, more)
		return p
	}
	for _, tc := range []struct {
		name, node string
		p          abitest.P
		in, gain   float64 // dB
	}{
		{"above the knee", "CompressorNode", p(nil), 0, -20 * 0.75},
		{"below the knee", "CompressorNode", p(nil), -30, 0},
		{"in the middle of the knee", "CompressorNode", p(nil), -20, -0.75 * 6 / 8}, // (W/2)²/(2W)
		{"hard", "CompressorNode", p(abitest.P{"knee_db": 0.0}), -10, -7.5},
		{"makeup", "CompressorNode", p(abitest.P{"makeup_db": 6.0}), 0, -9},
		{"rms", "CompressorNode", p(abitest.P{"config": abi.Config{"detector": "rms"}}), 0, -15},
		{"log", "CompressorNode", p(abitest.P{"config": abi.Config{"detector": "log"}}), 0, -15},
		{"mix", "CompressorNode", p(abitest.P{"detector_mix": 0.3}), 0, -15},
		// L = in + g and g = (1/R - 1)(L - T), so L - T = (in - T)/(2 - 1/R).
		{"feedback", "CompressorNode", p(abitest.P{"config": abi.Config{"topology": "feedback"}}), 0, 20/1.75 - 20},
		{"expander", "ExpanderNode", p(abitest.P{"ratio": 3.0}), -35, -30},
		{"expander above", "ExpanderNode", p(abitest.P{"ratio": 3.0}), -10, 0},
		{"expander range", "ExpanderNode", p(abitest.P{"ratio": 3.0, "range_db": 12.0}), -35, -12},
		{"gate open", "GateNode", p(nil), -16, 0},
		{"gate half", "GateNode", p(nil), -20, -40},
		{"gate closed", "GateNode", p(nil), -24, -80},
		{"compander", "CompanderNode", abitest.P{"in_db": []float64{-60, -30, 0}, "out_db": []float64{-50, -30, -20}}, -15, -10},
		{"compander below", "CompanderNode", abitest.P{"in_db": []float64{-60, -30, 0}, "out_db": []float64{-50, -30, -20}}, -90, 10},
		{"compander in any order", "CompanderNode", abitest.P{"in_db": []float64{0, -60, -30}, "out_db": []float64{-20, -50, -30}}, -45, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := math.Pow(10, tc.in/20)
			y := abitest.Run(t, tc.node, tc.p, constant(frames, x))
			require.InDelta(t, tc.gain, 20*math.Log10(y[frames-1]/x), 1e-6)
		})
	}
}

// Attack and release are separate: exp(-1) is left after one time constant of
// either, and each one alone changes its own half.
func TestEnvelopeFollowerTimes(t *testing.T) {
	x := append(constant(4800, 1), constant(4800, 0)...) // 100 ms each
	follow := func(attack, release float64, detector string) []float64 {
		return abitest.Run(t, "EnvelopeFollowerNode", abitest.P{"attack_ms": attack, "release_ms": release, "config": abi.Config{"detector": detector}}, x)
	}
	y := follow(2, 20, "peak")
	require.InDelta(t, 1-math.Exp(-1), y[95], 1e-12)
	require.InDelta(t, math.Exp(-1), y[4800+959]/y[4799], 1e-12)
	require.InDelta(t, math.Exp(-0.5), follow(2, 20, "rms")[4800+959]/follow(2, 20, "rms")[4799], 1e-12)
	slower := follow(2, 40, "peak")
	require.Equal(t, y[:4800], slower[:4800])
	require.InDelta(t, math.Exp(-0.5), slower[4800+959]/slower[4799], 1e-12)
	later := follow(4, 20, "peak")
	require.InDelta(t, 1-math.Exp(-0.5), later[95], 1e-12)
}

// SoX's compand, written out: the envelope, then straight lines in dB.
func TestCompanderIsSoX(t *testing.T) {
	x := abitest.Noise(3000, 4)
	in, out := []float64{-70, -40, -12}, []float64{-70, -30, -12}
	p := abitest.P{"in_db": in, "out_db": out, "attack_ms": 3.0, "release_ms": 50.0, "config": abi.Config{"start_db": 0.0}}
	got := abitest.Run(t, "CompanderNode", p, x)
	attack, release := 1-math.Exp(-1/(abitest.Rate*0.003)), 1-math.Exp(-1/(abitest.Rate*0.05))
	v := 1.0 // as SoX begins
	for n, x := range x {
		if d := math.Abs(x) - v; d > 0 {
			v += d * attack
		} else {
			v += d * release
		}
		db, gain := 20*math.Log10(v), 0.0
		if db > -70 && db < -40 {
			gain = -70 + (db+70)*40/30 - db
		} else if db >= -40 && db < -12 {
			gain = -30 + (db+40)*18/28 - db
		}
		require.InDelta(t, x*math.Pow(10, gain/20), got[n], 1e-12)
	}
}

func TestCompressorLinksAndTakesASidechain(t *testing.T) {
	x := [][]float64{constant(9000, 1), constant(9000, 0.01)}
	p := abitest.P{"attack_ms": 1.0}
	linked := abitest.RunChannels(t, "CompressorNode", p, x)
	require.InDelta(t, linked[0][0][8999], 100*linked[0][1][8999], 1e-12)
	p["config"] = abi.Config{"link": false}
	apart := abitest.RunChannels(t, "CompressorNode", p, x)
	require.Equal(t, linked[0][0], apart[0][0])
	require.InDelta(t, 0.01, apart[0][1][8999], 1e-12)
}

func TestIntegrator(t *testing.T) {
	for rule, frames := range map[string]float64{"forward": 99, "backward": 100, "trapezoidal": 99.5} {
		y := abitest.Run(t, "IntegratorNode", abitest.P{"gain": 480.0, "config": abi.Config{"rule": rule}}, abitest.Step(100))
		require.InDelta(t, frames*480/abitest.Rate, y[99], 1e-12, rule)
	}
	y := abitest.Run(t, "IntegratorNode", abitest.P{"gain": 480.0, "limit": 0.5}, append(abitest.Step(200), constant(50, -1)...))
	require.Equal(t, 0.5, y[199])
	require.InDelta(t, 0.5-48.5*480/abitest.Rate-0.005, y[249], 1e-12) // no wind-up: down at once
	y = abitest.Run(t, "IntegratorNode", abitest.P{"leak_hz": 50.0, "config": abi.Config{"rule": "backward"}}, abitest.Step(48000))
	require.InDelta(t, 1/abitest.Rate/-math.Expm1(-2*math.Pi*50/abitest.Rate), y[47999], 1e-12) // Σ p^n/rate
}

func TestSlewLimiter(t *testing.T) {
	x := append(constant(20, 1), constant(20, -1)...)
	p := abitest.P{"rise_per_s": 0.1 * abitest.Rate, "fall_per_s": 0.2 * abitest.Rate}
	y := abitest.Run(t, "SlewLimiterNode", p, x)
	for n := range 20 {
		require.InDelta(t, min(0.1*float64(n+1), 1), y[n], 1e-12)
		require.InDelta(t, max(1-0.2*float64(n+1), -1), y[20+n], 1e-12)
	}
	p["config"] = abi.Config{"ideal": true}
	require.Equal(t, x, abitest.Run(t, "SlewLimiterNode", p, x))
	p["config"], p["accel_per_s2"] = abi.Config{"order": 2.0}, 0.01*abitest.Rate*abitest.Rate
	y = abitest.Run(t, "SlewLimiterNode", p, x)
	require.InDelta(t, 0.01*(1+2+3+4+5), y[4], 1e-12)
	for n := 2; n < len(y); n++ {
		require.LessOrEqual(t, math.Abs(y[n]-2*y[n-1]+y[n-2]), 0.01+1e-12)
	}
}

// In a graph an edge to the port is enough: what shapes the key has a gradient.
func TestSidechainIsConnectedByItsEdge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "duck.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"sample_rate": 48000, "nodes": [
		{"name": "dry", "type": "InputNode"},
		{"name": "key", "type": "GainNode", "params": {"gain": {"value": 0.5, "learn": true}}},
		{"name": "duck", "type": "CompressorNode", "params": {"threshold_db": {"value": -40, "learn": true}}}],
		"edges": [{"source": "dry", "target": "key"}, {"source": "dry", "target": "duck"}, {"source": "key", "target": "duck.sidechain"}],
		"output": "duck"}`), 0o644))
	g, err := graph.Load(path)
	require.NoError(t, err)
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Frames: 500}})
	require.NoError(t, err)
	require.True(t, report.OK, "%s", report)
	require.NotEmpty(t, report.Rows)
	for _, row := range report.Rows {
		if row.Param.Name == "gain" {
			require.NotZero(t, row.Adjoint)
		}
	}
}
