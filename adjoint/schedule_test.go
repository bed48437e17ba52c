package adjoint_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"

	"github.com/stretchr/testify/require"
)

// bits are output and gradients of one evaluation.
func bits(t *testing.T, file string, o adjoint.Options) (out []float64, grads map[string][]float64) {
	t.Helper()
	g, err := graph.Load(file)
	require.NoError(t, err)
	m, err := adjoint.NewModel(g, o)
	require.NoError(t, err)
	energy := adjoint.LossFunc(func(grad, y []float64) float64 {
		sum := 0.0
		for i, v := range y {
			sum += v * v
			if grad != nil {
				grad[i] = 2 * v
			}
		}
		return sum
	})
	m.ValueGradient(energy)
	grads = map[string][]float64{}
	for _, p := range m.Params {
		grads[p.Node+"."+p.Name] = append([]float64(nil), p.Grad...)
	}
	for i, in := range m.InputGrad {
		grads[fmt.Sprint("input ", i)] = append([]float64(nil), in...)
	}
	return append([]float64(nil), m.Output...), grads
}

// One build on one machine gives the same bits for every schedule, number of
// threads and way of keeping the tape.
func TestSchedulesThreadsAndTapesGiveTheSameBits(t *testing.T) {
	files, err := filepath.Glob("../testdata/graphs/*.json")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			noise := make([]float64, 20000)
			if testing.Short() {
				noise = noise[:9500]
			}
			s := uint64(1)
			for i := range noise {
				s = s*6364136223846793005 + 1442695040888963407
				noise[i] = float64(int64(s))/(1<<63)*0.8 - 0.1
			}
			base := adjoint.Options{Frames: len(noise), Rate: 48000, HeatWeights: map[string]float64{"lp": 0.1}, Options: run.Options{Settings: graph.Settings{Audio: adjoint.ReadAudio}}}
			if g, err := graph.Load(file); err == nil && len(g.Inputs()) > 0 {
				base.Input = [][]float64{noise}
			}
			base.Schedule = run.KPN
			out, grads := bits(t, file, base)
			for _, schedule := range []run.Schedule{run.KPN, run.IPLS} {
				for _, threads := range []int{1, 2, 4} {
					if testing.Short() && (threads == 2) != (schedule == run.IPLS) {
						continue
					}
					for _, tape := range []struct {
						mode           string
						segment, slots int
					}{{}, {"segments", 4096, 0}, {"segments", 9000, 0}, {"binomial", 4096, 2}, {"binomial", 1024, 3}} {
						o := base
						o.Schedule, o.Threads, o.TapeMode, o.Segment, o.Slots = schedule, threads, tape.mode, tape.segment, tape.slots
						out2, grads2 := bits(t, file, o)
						require.Equal(t, out, out2, "%v %d threads %v", schedule, threads, tape)
						require.Equal(t, grads, grads2, "%v %d threads %v", schedule, threads, tape)
					}
				}
			}
		})
	}
}
