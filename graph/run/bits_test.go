package run_test

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"ampfit/arena"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// each calls do for every graph in testdata.
func each(t *testing.T, do func(t *testing.T, g *graph.Graph)) {
	files, err := filepath.Glob("../../testdata/graphs/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := graph.Load(file)
			require.NoError(t, err)
			do(t, g)
		})
	}
}

const bitFrames = 9001 // past two multiples of Grid, and no whole block of any size

func begin(t *testing.T, g *graph.Graph, block, segment int) *run.Run {
	p, err := graph.NewPlan(g, graph.Options{Frames: bitFrames, Rate: 48000, Settings: graph.Settings{Block: block}})
	require.NoError(t, err)
	r := run.New(p, run.Options{Heat: true, Limits: tape.Limits{Segment: segment}})
	r.Input = [][]float64{noise(3, bitFrames)}
	return r
}

// sameBits compares rows bit by bit and names the first frame that differs.
func sameBits(t *testing.T, want, got [][]float64, format string, args ...any) {
	t.Helper()
	require.Len(t, got, len(want))
	for c := range want {
		require.Len(t, got[c], len(want[c]))
		for n, w := range want[c] {
			if math.Float64bits(w) != math.Float64bits(got[c][n]) {
				require.Failf(t, "bits differ", "%s: frame %d of row %d is %v, not %v", fmt.Sprintf(format, args...), n, c, got[c][n], w)
			}
		}
	}
}

func TestOutputBitsForEveryBlockAndSegment(t *testing.T) {
	each(t, func(t *testing.T, g *graph.Graph) {
		whole := begin(t, g, 0, 0)
		want, heat := whole.Render(false), whole.Heat()
		sum := 0.0
		for _, row := range want {
			for _, y := range row {
				sum += y * y
			}
		}
		require.Greater(t, sum, 1.0, "the graph sounds")
		sizes := [][2]int{{1, 0}, {7, 0}, {64, 0}, {1000, 0}, {4096, 0}, {1024, 1}, {1000, 1}, {64, 200}, {1000, 3000}, {7, 7}}
		if testing.Short() {
			sizes = sizes[1:8]
		}
		for _, size := range sizes {
			r := begin(t, g, size[0], size[1])
			sameBits(t, want, r.Render(false), "block %d, segment %d", size[0], size[1])
			require.Equal(t, heat, r.Heat(), "heat, block %d, segment %d", size[0], size[1])
		}
		sameBits(t, want, whole.Render(false), "a second time")
	})
}

func TestSnapshotsContinueWithTheSameBits(t *testing.T) {
	each(t, func(t *testing.T, g *graph.Graph) {
		const block = 100
		r := begin(t, g, block, 300)
		want := r.Render(true)
		r.Reset()
		total := int64(bitFrames)
		var snapshots []arena.Snapshot
		for r.End() < total {
			var s arena.Snapshot
			r.Save(&s)
			snapshots = append(snapshots, s)
			r.Advance(int(r.SegmentEnd(r.End(), total) - r.End()))
		}
		heat := r.Heat()
		for _, k := range []int{len(snapshots) - 1, 3, 14, 0} { // back and forth
			r.Load(&snapshots[k])
			at := snapshots[k].At
			got := make([][]float64, len(want))
			for i := range got {
				got[i] = append([]float64(nil), want[i]...)
				for n := at; n < total; n++ {
					got[i][n] = math.NaN()
				}
			}
			for r.End() < total {
				r.Advance(int(r.SegmentEnd(r.End(), total) - r.End()))
				r.CopyOut(got, 0)
			}
			sameBits(t, want, got, "from frame %d", at)
			require.Equal(t, heat, r.Heat())
		}
	})
}

func TestStreamIsRender(t *testing.T) {
	each(t, func(t *testing.T, g *graph.Graph) {
		r := begin(t, g, 512, 2000)
		for _, keep := range []bool{false, true} {
			want := r.Render(keep)
			got := make([][]float64, len(want))
			require.NoError(t, r.Stream(keep, func(rows [][]float64) error {
				for i := range rows {
					got[i] = append(got[i], rows[i]...)
				}
				return nil
			}))
			sameBits(t, want, got, "latency kept: %v", keep)
		}
	})
}

// Parameters set for a run are those of a graph that says so, and stay until
// they are set again.
func TestSetParam(t *testing.T) {
	nodes := func(cutoff string) string {
		return dry + `,{"name": "lp", "type": "LowpassNode", "params": {"cutoff_hz": ` + cutoff + `}}`
	}
	p := plan(t, nodes("500"), edge("dry", "lp", 0), graph.Options{Frames: 300, Batches: 2})
	r := run.New(p, run.Options{})
	r.Input = [][]float64{noise(1, 300)}
	first := r.Render(true)
	require.NoError(t, r.SetParam("lp", "cutoff_hz", []float64{500, 3000}))
	y := r.Render(true)
	sameBits(t, first[:1], y[:1], "the batch that stayed")
	sameBits(t, render(t, nodes("3000"), edge("dry", "lp", 0), r.Input[0]), y[1:], "the batch that was set")
	require.NoError(t, r.SetParam("lp", "cutoff_hz", []float64{500}))
	sameBits(t, first, r.Render(true), "set back")
	require.EqualError(t, r.SetParam("lp", "cutoff_hz", []float64{1, 2, 3}), "run: lp.cutoff_hz takes 1 values, not 3")
	require.EqualError(t, r.SetParam("lp", "cutof", []float64{1}), "run: there is no parameter lp.cutof")
}
