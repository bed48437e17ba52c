package adjoint_test

import (
	"fmt"
	"log"

	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"
)

// The loss ½ Σ y² of y = g x has the gradient g Σ x² by the gain and g² x by
// the input.
func ExampleGradient() {
	g, err := graph.Parse("", []byte(`{
		"sample_rate": 48000,
		"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "vca", "type": "GainNode", "params": {"gain": 3}}],
		"edges": [{"source": "dry", "target": "vca"}]
	}`))
	if err != nil {
		log.Fatal(err) // every fault of the file, with its line and column
	}
	energy := adjoint.LossFunc(func(grad, y []float64) float64 {
		sum := 0.0
		for n, v := range y {
			sum += v * v / 2
			if grad != nil {
				grad[n] = v
			}
		}
		return sum
	})
	r, err := adjoint.Gradient(g, energy, adjoint.Options{Input: [][]float64{{1, 2, -1}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Value, r.Param("vca", "gain"), r.Input[0])
	// Output: 27 [18] [9 18 -9]
}

// A gradient is compared with differences, Taylor remainders and the tangent
// kernels; the report prints as a table.
func ExampleCheckGraph() {
	g, err := graph.Load("../testdata/graphs/comb.json")
	if err != nil {
		log.Fatal(err)
	}
	r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range r.Rows {
		fmt.Println(row.Name(), row.OK)
	}
	fmt.Println(r.OK)
	// Output:
	// sum.gain true
	// damp.cutoff_hz true
	// feedback.gain true
	// true
}
