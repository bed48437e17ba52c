package report_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ampfit/internal/report"
)

// What was measured at the nodes stands in a table, and over time in figures;
// times only when there are any.
func TestNodesOfAReport(t *testing.T) {
	f := amp()
	evil := `<b>drive</b>`
	f.Nodes = []report.Node{
		{Name: evil, Type: "TanhNode", Delay: "64 = 0 kernel + 64 filters", Heat: 0.25, Every: 0.5, HeatAt: []float64{0.1, 0.2, 0.25}, AdjointEnergy: []float64{4, 2, 1}},
		{Name: "drive.in ↑4", Type: "upsampler", Delay: "counted at drive", Heat: nan, Every: 0.5, AdjointEnergy: []float64{1, 1, nan}},
	}
	page := func() string {
		var b bytes.Buffer
		require.NoError(t, report.HTML(&b, f))
		return b.String()
	}
	text := page()
	require.Regexp(t, `&lt;b&gt;drive&lt;/b&gt;</th><td class="name">TanhNode</td><td class="n" data-label="delay \(frames\)">64 = 0 kernel [^<]* 64 filters</td><td class="n" data-label="heat \(J\)">0\.25</td><td class="n" data-label="adjoint energy">3\.5</td></tr>`, text)
	require.Regexp(t, `upsampler</td><td class="n" data-label="delay \(frames\)">counted at drive</td><td class="n" data-label="heat \(J\)">–</td>`, text)
	require.Contains(t, text, `id="heat-over-time"`)
	require.Contains(t, text, `id="adjoint-energy"`)
	require.NotContains(t, text, evil)
	require.NotContains(t, text, "<th scope=\"col\" class=\"n\">forward</th>")
	f.Nodes[0].Forward, f.Nodes[0].Backward = 1500*time.Microsecond, 3*time.Millisecond
	require.Regexp(t, `<td class="n" data-label="forward">1\.5 ms</td><td class="n" data-label="backward">3 ms</td></tr>`, page())
	f.Nodes = nil
	require.NotContains(t, page(), "adjoint-energy")
}
