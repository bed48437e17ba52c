package graph

import (
	"fmt"
	"sort"
	"strings"

	"ampfit/internal/jsontree"
)

// Error is one fault of a graph file, at its place.
type Error struct {
	File      string
	Line, Col int // from 1; 0 when the fault has no place in a file
	Path      string
	Msg       string
}

// Error returns "file:line:col: path: message".
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Col)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	return b.String() + e.Msg
}

// Errors are all faults of a file, in the order of their places.
type Errors []*Error

// Error lists the faults, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// report collects the faults of one file.
type report struct {
	file   string
	data   []byte
	faults Errors
}

// add notes a fault at a value; nil stands for the whole file.
func (r *report) add(at *jsontree.Value, path, format string, args ...any) {
	offset := 0
	if at != nil {
		offset = at.Offset
	}
	r.addAt(offset, path, format, args...)
}

func (r *report) addAt(offset int, path, format string, args ...any) {
	e := &Error{File: r.file, Path: path, Msg: fmt.Sprintf(format, args...)}
	if r.data != nil {
		e.Line, e.Col = jsontree.Position(r.data, offset)
	}
	r.faults = append(r.faults, e)
}

// err returns the faults in file order, nil when there are none.
func (r *report) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	sort.SliceStable(r.faults, func(i, j int) bool {
		a, b := r.faults[i], r.faults[j]
		return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
	})
	return r.faults
}
