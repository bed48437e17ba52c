// Package machine tells what the computer has.
package machine

import "sync"

// unknown is taken for the memory of a machine that does not tell.
const unknown = 8 << 30

// Memory returns the bytes of memory that this process may use at most: the
// machine's, or what its container leaves of it. Where neither is known it is
// 8 GiB.
var Memory = sync.OnceValue(func() int64 {
	n := total()
	if n <= 0 {
		n = unknown
	}
	if c := contained(); c > 0 && c < n {
		n = c
	}
	return n
})
