//go:build !((linux || darwin) && (amd64 || arm64))

package cnode

import (
	"fmt"
	"runtime"

	"ampfit/abi"
)

type library struct{}

func load(path string) (*library, error) {
	return nil, fmt.Errorf("%s: node libraries are loaded on Linux and macOS only, not on %s/%s", path, runtime.GOOS, runtime.GOARCH)
}

func (*library) nodeType(string) *abi.NodeType { return nil }
