package adjoint_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Another module takes gradients in a few lines: all that it needs is public.
func TestImportFromAnotherModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	// The requirements of ampfit under another name, and ampfit beside them.
	write("go.mod", "module example.test/user\n"+string(mod)[len("module ampfit"):]+"\nrequire ampfit v0.0.0\n\nreplace ampfit => "+root+"\n")
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	write("go.sum", string(sum))
	write("main.go", `package main

import (
	"fmt"

	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"
)

func main() {
	g, err := graph.Parse("", []byte(`+"`"+`{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "vca", "type": "GainNode", "params": {"gain": 3}}], "edges": [{"source": "dry", "target": "vca"}]}`+"`"+`))
	if err != nil {
		panic(err)
	}
	sum := adjoint.LossFunc(func(grad, y []float64) float64 {
		v := 0.0
		for n := range y {
			v += y[n]
			grad[n] = 1
		}
		return v
	})
	r, err := adjoint.Gradient(g, sum, adjoint.Options{Input: [][]float64{{1, 2, 4}}})
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Value, r.Param("vca", "gain")[0], r.Input[0])
}
`)
	run := exec.Command("go", "run", ".")
	run.Dir = dir
	run.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := run.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "21 7 [3 3 3]\n", string(out))
}
