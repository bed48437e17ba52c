package main

import (
	"fmt"
	"path/filepath"
)

// room refuses a file that the disk has no room for, before time is spent on it.
// Where the system does not say how much is free, everything is tried.
func room(path string, bytes int64) error {
	free, known := freeBytes(filepath.Dir(path))
	if !known || bytes <= free {
		return nil
	}
	const gib = 1 << 30
	return fmt.Errorf("%s: it would take %.1f GiB, and %.1f GiB are free there; name another place with -o, or a shorter --duration", path, float64(bytes)/gib, float64(free)/gib)
}
