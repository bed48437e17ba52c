package text_test

import (
	"strings"
	"testing"

	"ampfit/internal/text"

	"github.com/stretchr/testify/require"
)

func TestColumns(t *testing.T) {
	var b strings.Builder
	text.Columns(&b, [][]string{{"name", "value", ""}, {"Ω", "12", "in ohms"}, {"long name", "3", ""}}, 1)
	require.Equal(t, "name       value\nΩ             12  in ohms\nlong name      3\n", b.String())

	b.Reset()
	text.Columns(&b, [][]string{{"parameter", "start", "fitted", "± error", "unit", ""}, {"a.b", "1", "-20.5", "–", "Hz", "at its bound"}}, 1, 2, 3)
	require.Equal(t, "parameter  start  fitted  ± error  unit\na.b            1   -20.5        –  Hz    at its bound\n", b.String())
}

func TestCount(t *testing.T) {
	require.Equal(t, "1 frame", text.Count(1, "frame"))
	require.Equal(t, "0 frames", text.Count(0, "frame"))
}
