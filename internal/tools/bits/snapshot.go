package main

import "ampfit/adjoint"

// snapshot is the state region and the histories of a model's run.
func snapshot(m *adjoint.Model) []float64 {
	s := make([]float64, m.Run.SnapshotLen())
	m.Run.Snapshot(s)
	return s
}
