package run

import "fmt"

// Schedule says in which order components render their blocks. All schedules
// give the same bits.
type Schedule int

const (
	// AutoSchedule takes IPLS where it brings lanes of one type together.
	AutoSchedule Schedule = iota
	// KPN renders, for each block, the components in topological order.
	KPN
	// IPLS, the iterative partial-latency schedule, lets the component of
	// stage s render block k−s in iteration k. All components of an iteration
	// are then independent, and those of one type run side by side.
	//
	//	iteration   0    1    2    3    4
	//	stage 0     b0   b1   b2   b3
	//	stage 1          b0   b1   b2   b3
	//	stage 2               b0   b1   b2 …
	IPLS
)

// String returns the spelling of the command line.
func (s Schedule) String() string { return [...]string{"auto", "kpn", "ipls"}[s] }

// ParseSchedule reads the spelling of the command line.
func ParseSchedule(s string) (Schedule, error) {
	for _, k := range []Schedule{AutoSchedule, KPN, IPLS} {
		if k.String() == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%q is no schedule; allowed are auto, kpn and ipls", s)
}

// choose fixes the schedule of a run. Side by side, lanes of one type hide the
// latency of each other's recursions, so IPLS pays where a type with a cohort
// kernel stands in series; with several workers it is what gives them work.
func (r *Run) choose(s Schedule) {
	r.schedule = s
	if s != AutoSchedule {
		return
	}
	r.schedule = KPN
	if r.Plan.Graph.IPLS != nil || r.options.Threads > 1 && len(r.Plan.Components) > 1 {
		r.schedule = IPLS
	}
	for _, c := range r.Cohorts {
		if len(c.execs) > 1 && c.execs[0].kind.CohortForward != nil {
			r.schedule = IPLS
		}
	}
}

// Schedule returns the schedule that the run chose.
func (r *Run) Schedule() Schedule { return r.schedule }
