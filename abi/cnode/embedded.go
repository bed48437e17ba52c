//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"runtime/debug"
	"sync"
)

// embedded reports whether this code is part of a C library: the program then
// is somebody else's, and must not be started again as a child.
var embedded = sync.OnceValue(func() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-buildmode" {
			return s.Value == "c-shared" || s.Value == "c-archive"
		}
	}
	return false
})
