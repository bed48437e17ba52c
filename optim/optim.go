// Package optim learns the parameters of a graph: [Fit] ties an objective to a
// graph, a target and a loss, and descends on it.
package optim

import "ampfit/optim/search"

// What a fit is asked and what it answers.
type (
	FitOptions = search.FitOptions
	FitResult  = search.FitResult
	FitParam   = search.FitParam
	FitStart   = search.FitStart
	Progress   = search.Progress
	Resumed    = search.Resumed
	Alignment  = search.Alignment
	Step       = search.Step
)

// Fit and the list of its optimisers.
var (
	Fit     = search.Fit
	Methods = search.Methods
)
