//go:build !((linux || darwin) && (amd64 || arm64))

package cnode

import (
	"fmt"
	"runtime"
	"time"
)

func load(path string, _ time.Duration) (maker, error) {
	return nil, fmt.Errorf("%s: node libraries are loaded on Linux and macOS only, not on %s/%s", path, runtime.GOOS, runtime.GOARCH)
}
