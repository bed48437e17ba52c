package adjoint_test

import (
	"fmt"
	"log"

	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"
)

// amplifier is y = 2x.
func amplifier() (*graph.Graph, adjoint.Options) {
	g, err := graph.Parse("", []byte(`{"sample_rate": 48000,
		"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "amp", "type": "GainNode", "params": {"gain": 2}}],
		"edges": [{"source": "dry", "target": "amp"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	return g, adjoint.Options{Input: [][]float64{{1, 2, 3}}}
}

func ExampleVJP() {
	g, o := amplifier()
	r, err := adjoint.VJP(g, []float64{1, 1, 1}, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Value, r.Param("amp", "gain"), r.Input)
	// Output: 12 [6] [[2 2 2]]
}

func ExampleJVP() {
	g, o := amplifier()
	p, err := adjoint.JVP(g, map[string][]float64{"amp.gain": {1}}, nil, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Values)
	// Output: [1 2 3]
}

// The energy of the output has the second derivative 2 Σ x² by the gain.
func ExampleHVP() {
	g, o := amplifier()
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
	p, err := adjoint.HVP(g, energy, map[string][]float64{"amp.gain": {1}}, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.6f, error below 1e-7: %v\n", p.Values[0], p.Error < 1e-7)
	// Output: 28.000000, error below 1e-7: true
}

func ExampleJacobian() {
	g, o := amplifier()
	columns, err := adjoint.Jacobian(g, []string{"amp.gain"}, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(columns)
	// Output: [[1 2 3]]
}
