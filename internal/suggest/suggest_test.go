package suggest_test

import (
	"fmt"
	"testing"

	"ampfit/internal/suggest"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	names := []string{"cutoff_hz", "frequency", "gain_db", "q", "dry", "wet"}
	for name, want := range map[string]string{
		"cutof_hz": "cutoff_hz", // a letter is missing
		"cutoff":   "cutoff_hz", // the beginning
		"Gain_dB":  "gain_db",   // case
		"freq_hz":  "frequency", // half of it is right
		"dyr":      "dry",       // neighbours swapped
		"gian_db":  "gain_db",
		"p":        "q",
		"resonant": "",
		"":         "",
	} {
		require.Equal(t, want, suggest.Nearest(name, names), name)
	}
	types := []string{"Lowpass1Node", "LowpassNode", "NoiseReverbNode", "ParametricEQNode"}
	require.Equal(t, "LowpassNode", suggest.Nearest("lowpass", types))
	require.Equal(t, "NoiseReverbNode", suggest.Nearest("reverb", types))
}

func ExampleNearest() {
	fmt.Println(suggest.Nearest("LowpasNode", []string{"HighpassNode", "LowpassNode"}))
	// Output: LowpassNode
}
