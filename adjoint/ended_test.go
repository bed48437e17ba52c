package adjoint_test

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/optim/loss"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// A run that is told to end does so within itself, at whichever block that is,
// forward and on the way back, in every tape mode; the evaluation is then +Inf,
// and the next one has the bits that it has always had.
func TestEndedWithinAnEvaluation(t *testing.T) {
	files, err := filepath.Glob("../testdata/graphs/*.json")
	require.NoError(t, err)
	const frames = 9500
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := graph.Load(file)
			require.NoError(t, err)
			for _, limits := range []tape.Limits{{TapeMode: "full"}, {TapeMode: "segments", Segment: 2048}, {TapeMode: "binomial", Segment: 1024, Slots: 3}} {
				m, err := adjoint.NewModel(g, adjoint.Options{Input: noise(7, 1, frames), Rate: 48000, Frames: frames, Options: run.Options{Limits: limits}})
				require.NoError(t, err)
				mse, err := loss.NewMSE(make([]float64, len(m.Output)))
				require.NoError(t, err)
				gradient := func() (all []float64) {
					all = append(all, m.ValueGradient(mse))
					for _, p := range m.Params {
						all = append(all, p.Grad...)
					}
					return all
				}
				want, asked := gradient(), 0
				m.Run.Ended = func() bool { asked++; return false }
				require.Equal(t, want, gradient(), "being asked changes no bits")
				total := asked
				require.Greater(t, total, 4)
				for _, at := range []int{1, total / 4, total / 2, 3 * total / 4, total} {
					asked = 0
					m.Run.Ended = func() bool { asked++; return asked >= at }
					require.True(t, math.IsInf(m.ValueGradient(mse), 1))
					require.True(t, m.Run.Cut())
					require.Equal(t, at, asked, "once said, it is not asked again")
					m.Run.Ended = nil
					require.True(t, slices.Equal(want, gradient()))
				}
			}
		})
	}
}
