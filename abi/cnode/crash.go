//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// crashLog passes on what a child writes, up to the report of a crash, which it
// keeps.
type crashLog struct {
	mu      sync.Mutex
	to      io.Writer
	line    []byte
	crashed bool
	report  []byte
	passed  int    // bytes, of the library's own
	flooded func() // is called once when they are too many
}

// What a library may write to its standard output and error: what comes after
// the first limit is not passed on, and the second one ends it.
const (
	passOn = 64 << 10
	flood  = 4 << 20
)

func newCrashLog(to io.Writer) *crashLog { return &crashLog{to: to} }

// crashStart begins the report of Go's runtime.
var crashStart = regexp.MustCompile(`^(fatal error: |panic: |runtime: |SIG[A-Z]+: |unexpected fault address|\[signal SIG)`)

func (l *crashLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range p {
		l.line = append(l.line, c)
		if c == '\n' || len(l.line) >= passOn {
			l.flush()
		}
	}
	return len(p), nil
}

func (l *crashLog) flush() {
	l.crashed = l.crashed || crashStart.Match(l.line)
	if !l.crashed {
		before := l.passed
		l.passed += len(l.line)
		if l.passed <= passOn {
			_, _ = l.to.Write(l.line) // there is nowhere to tell of a lost message
		}
		if before <= flood && l.passed > flood && l.flooded != nil {
			l.flooded()
		}
	} else if len(l.report) < 1<<16 {
		l.report = append(l.report, l.line...)
	}
	l.line = l.line[:0]
}

// The signal stands in one line of the report, the address there or below.
var (
	signalLine  = regexp.MustCompile(`(?m)^\[?(?:signal )?(SIG[A-Z]+): ([a-z ]*?)(?: code=.*)?$`)
	addressWord = regexp.MustCompile(`addr=(0x[0-9a-f]+)`)
)

// cause says how a child ended, in words that follow "the library".
func (l *crashLog) cause(err error, ends []end) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.line) > 0 {
		l.flush()
	}
	if l.passed > flood {
		return fmt.Sprintf("floods its standard output (more than %d MiB); its process was ended", flood>>20)
	}
	m := signalLine.FindSubmatch(bytes.TrimSpace(l.report))
	if m == nil {
		how := "exit status 0"
		if err != nil {
			how = err.Error()
		}
		if text, ok := strings.CutPrefix(string(l.report), "panic: "); ok { // ours
			how = strings.TrimSpace(strings.SplitN(text, "\n", 2)[0])
		}
		return fmt.Sprintf("ends its process (%s)", how)
	}
	if a := addressWord.FindSubmatch(l.report); a != nil {
		at, _ := strconv.ParseUint(string(a[1]), 0, 64)
		for _, e := range ends {
			if at >= e.at && at-e.at < e.size {
				return "reads or writes past the end of " + e.what
			}
		}
		return fmt.Sprintf("crashes (%s, %s, at address %s)", m[1], m[2], a[1])
	}
	return fmt.Sprintf("crashes (%s, %s)", m[1], m[2])
}
