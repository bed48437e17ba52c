package abi

import "math"

// Waves are the shapes that a [NodeType.Wave] may have, by name: those without
// jumps, within ±1 over a phase in cycles.
var Waves = map[string]func(phase float64) float64{
	"sine":     func(p float64) float64 { return math.Sin(2 * math.Pi * p) },
	"triangle": func(p float64) float64 { return 2*math.Abs(2*(p-math.Floor(p))-1) - 1 },
}
