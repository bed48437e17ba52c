package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"ampfit/optim"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how a fit goes: a bar with loss and time left on a terminal,
// a plain line every few seconds elsewhere.
type progress struct {
	out   io.Writer
	quiet bool
	bar   *progressbar.ProgressBar
	last  time.Time
	told  map[string]bool // notes that were printed
	stage string          // of the search that was named last
}

const barUnits = 1000

func newProgress(out io.Writer, quiet bool) *progress {
	p := &progress{out: out, quiet: quiet}
	if file, ok := out.(*os.File); ok && !quiet && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions(barUnits,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("fitting"),
			progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

func (p *progress) tell(s optim.Progress) {
	if p.quiet {
		return
	}
	if p.bar != nil {
		what := fmt.Sprintf("step %d, loss %s", s.Step, number(s.Best))
		if s.Searching && s.Stage != "" {
			what += ", " + s.Stage
		}
		p.bar.Describe(what)
		_ = p.bar.Set(int(s.Fraction * barUnits)) // a terminal that is gone is no reason to stop
		return
	}
	if time.Since(p.last) < 2*time.Second { // the first is shown at once
		return
	}
	p.last = time.Now()
	doing := ""
	if s.Stage != p.stage {
		p.stage, doing = s.Stage, "; now "+s.Stage
	}
	left := ""
	if s.Fraction > 0.02 && s.Fraction < 0.95 { // beyond, the estimate has been used up
		left = fmt.Sprintf(", about %.0f s left", s.Seconds*(1-s.Fraction)/s.Fraction)
	}
	fmt.Fprintf(p.out, "step %d: loss %s after %.1f s%s%s\n", s.Step, number(s.Best), s.Seconds, left, doing)
}

// notes prints the notes that were not printed before.
func (p *progress) notes(notes []string) {
	for _, n := range notes {
		if !p.told[n] {
			p.line("note: " + n)
		}
		if p.told == nil {
			p.told = map[string]bool{}
		}
		p.told[n] = true
	}
}

// line prints a sentence beside the bar.
func (p *progress) line(s string) {
	if p.quiet {
		return
	}
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(p.out, "ampfit: "+s)
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
		fmt.Fprint(p.out, "\r\x1b[K") // what Ctrl-C left of the line
	}
}
