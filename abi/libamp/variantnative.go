//go:build cgo && native

package main

// native says whether this is libamp_native, which keeps AMP's own time.
const native = true
