package main

import (
	"ampfit/adjoint"
	"ampfit/arena"
)

// snapshot is the state region and the histories of a model's run.
func snapshot(m *adjoint.Model) []float64 {
	var s arena.Snapshot
	m.Run.Save(&s)
	return s.Data
}
