//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"bytes"
	"fmt"
	"io"
	"os"
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
}

func newCrashLog(to io.Writer) *crashLog { return &crashLog{to: to} }

// crashStart begins the report of Go's runtime.
var crashStart = regexp.MustCompile(`^(fatal error: |panic: |runtime: |SIG[A-Z]+: |unexpected fault address|\[signal SIG)`)

func (l *crashLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range p {
		l.line = append(l.line, c)
		if c == '\n' {
			l.flush()
		}
	}
	return len(p), nil
}

func (l *crashLog) flush() {
	l.crashed = l.crashed || crashStart.Match(l.line)
	if !l.crashed {
		_, _ = l.to.Write(l.line) // there is nowhere to tell of a lost message
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
func (l *crashLog) cause(err error, ends map[uint64]string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.line) > 0 {
		l.flush()
	}
	m := signalLine.FindSubmatch(bytes.TrimSpace(l.report))
	if m == nil {
		how := "its process ended"
		if err != nil {
			how = err.Error()
		}
		if text, ok := strings.CutPrefix(string(l.report), "panic: "); ok { // ours
			how = strings.TrimSpace(strings.SplitN(text, "\n", 2)[0])
		}
		return fmt.Sprintf("ends its process (%s)", how)
	}
	if a := addressWord.FindSubmatch(l.report); a != nil {
		page := uint64(os.Getpagesize())
		at, _ := strconv.ParseUint(string(a[1]), 0, 64)
		if what, ok := ends[at/page*page]; ok {
			return "reads or writes past the end of " + what
		}
		return fmt.Sprintf("crashes (%s, %s, at address %s)", m[1], m[2], a[1])
	}
	return fmt.Sprintf("crashes (%s, %s)", m[1], m[2])
}
