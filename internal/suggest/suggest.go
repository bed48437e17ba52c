// Package suggest finds the name that a misspelt one was meant to be.
package suggest

import (
	"fmt"
	"strings"
)

// Nearest returns the candidate closest to name, "" when none is close enough
// to be what was meant.
func Nearest(name string, candidates []string) string {
	if name == "" {
		return ""
	}
	best, bestCost := "", 1+max(1, len(name)/2)
	for _, c := range candidates {
		cost := distance(strings.ToLower(name), strings.ToLower(c))
		switch low := strings.ToLower(name); {
		case strings.HasPrefix(strings.ToLower(c), low):
			cost = min(cost, 1)
		case len(name) >= 4 && strings.Contains(strings.ToLower(c), low):
			cost = min(cost, 2)
		}
		if n := prefix(strings.ToLower(name), strings.ToLower(c)); n >= 4 && 2*n >= len(name) {
			cost = min(cost, len(name)/2) // freq_hz for frequency
		}
		if cost < bestCost || cost == bestCost && cost == 1 && len(c) < len(best) { // lowpass: LowpassNode before Lowpass1Node
			best, bestCost = c, cost
		}
	}
	return best
}

// prefix is the length of the common beginning.
func prefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// distance counts the letters to insert, remove, replace, or swap with their
// neighbour, to make b of a (optimal string alignment).
func distance(a, b string) int {
	above, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := row[j-1]
			if a[i-1] != b[j-1] {
				cost++
			}
			next[j] = min(cost, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], above[j-2]+1)
			}
		}
		above, row, next = row, next, above
	}
	return row[len(b)]
}

// Instead names what may stand in the place of an unknown name, the nearest first.
func Instead(name string, allowed []string) string {
	if near := Nearest(name, allowed); near != "" {
		return fmt.Sprintf("did you mean %q? Allowed are %s", near, List(allowed))
	}
	return "allowed are " + List(allowed)
}

// List joins names for a message: "a, b, c".
func List(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
