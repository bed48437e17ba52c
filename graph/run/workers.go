package run

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// share runs do for every job, on the workers of the run when there are several.
func (r *Run) share(jobs []Job, do func(job *Job)) {
	if r.options.Threads <= 1 || len(jobs) == 1 {
		for i := range jobs {
			do(&jobs[i])
		}
		return
	}
	r.pool.run(jobs, do)
}

// pool runs the jobs of a step on several goroutines. The caller works along;
// the others live for one segment, and all of them take part in every step.
type pool struct {
	workers int
	next    atomic.Int64
	arrived atomic.Int64 // helpers that are through with the step
	step    atomic.Int64 // incremented when jobs are ready
	stop    atomic.Bool
	jobs    []Job
	do      func(*Job)
	done    sync.WaitGroup
}

// start launches the helpers; they spin briefly between steps, so that a step
// of some microseconds does not pay for waking a thread.
func (p *pool) start(workers int) {
	p.workers = workers
	p.stop.Store(false)
	p.done.Add(workers - 1)
	seen := p.step.Load()
	for range workers - 1 {
		go func() {
			defer p.done.Done()
			seen := seen
			for {
				for spin := 0; p.step.Load() == seen; spin++ {
					if p.stop.Load() {
						return
					}
					pause(spin)
				}
				seen++
				p.work()
				p.arrived.Add(1)
			}
		}()
	}
}

// pause waits a moment, the longer the more often it was called: on busy cores
// the one that is waited for needs the time.
func pause(spin int) {
	switch {
	case spin < 100:
	case spin < 1000:
		runtime.Gosched()
	default:
		time.Sleep(20 * time.Microsecond)
	}
}

func (p *pool) finish() {
	p.stop.Store(true)
	p.done.Wait()
}

func (p *pool) run(jobs []Job, do func(*Job)) {
	p.jobs, p.do = jobs, do
	p.next.Store(0)
	p.arrived.Store(0)
	p.step.Add(1)
	p.work()
	for spin := 0; p.arrived.Load() < int64(p.workers-1); spin++ {
		pause(spin)
	}
}

func (p *pool) work() {
	for {
		i := p.next.Add(1) - 1
		if i >= int64(len(p.jobs)) {
			return
		}
		p.do(&p.jobs[i])
	}
}
