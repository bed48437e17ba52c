// Package docs_test keeps the README true: its programs are the examples here.
package docs_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"regexp"
	"strings"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/internal/wav"
	_ "ampfit/nodes"
	"ampfit/optim"
	"ampfit/optim/loss"

	"github.com/stretchr/testify/require"
)

var dry, target [][]float64

func TestMain(m *testing.M) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		log.Fatal(err)
	}
	text = string(readme)
	if err := os.Chdir("../testdata/readme"); err != nil {
		log.Fatal(err)
	}
	for name, rows := range map[string]*[][]float64{"guitar.wav": &dry, "guitar-eq.wav": &target} {
		a, err := wav.Read(name)
		if err != nil {
			log.Fatal(err)
		}
		*rows = a.Rows()
	}
	os.Exit(m.Run())
}

var text string // of the README

func Example_gradient() {
	g, err := graph.Load("eq.json")
	if err != nil {
		log.Fatal(err)
	}
	esr, err := loss.NewESR(target[0])
	if err != nil {
		log.Fatal(err)
	}
	r, err := adjoint.Gradient(g, esr, adjoint.Options{Input: dry, Rate: 44100})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("esr %.5f, its slope by mid.gain_db %.5f\n", r.Value, r.Param("mid", "gain_db")[0])
	// Output: esr 0.25426, its slope by mid.gain_db -0.04534
}

func Example_fit() {
	g, err := graph.Load("eq.json")
	if err != nil {
		log.Fatal(err)
	}
	r, err := optim.Fit(context.Background(), g, optim.FitOptions{Target: target, Input: dry, Rate: 44100})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range r.Params {
		fmt.Printf("%s.%s %.3f\n", p.Node, p.Name, p.Value[0])
	}
	// Output:
	// low.freq_hz 180.000
	// low.q 0.700
	// low.gain_db -5.000
	// mid.freq_hz 900.000
	// mid.q 1.200
	// mid.gain_db 7.000
	// high.freq_hz 5000.000
	// high.q 0.700
	// high.gain_db -8.000
}

// What the README shows is here, or in the files it names.
func TestReadmeShowsWhatIsTested(t *testing.T) {
	source, err := os.ReadFile("../../docs/readme_test.go")
	require.NoError(t, err)
	eq, err := os.ReadFile("eq.json")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```(go|json)\n(.*?)```").FindAllStringSubmatch(text, -1)
	require.Len(t, blocks, 3)
	for _, b := range blocks {
		if b[1] == "json" {
			require.Equal(t, string(eq), b[2])
			continue
		}
		indented := "\t" + strings.ReplaceAll(strings.TrimSuffix(b[2], "\n"), "\n", "\n\t")
		require.Contains(t, string(source), indented)
	}
}

func TestReadmeLinksLead(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
		require.FileExists(t, "../../"+m[1])
	}
}
