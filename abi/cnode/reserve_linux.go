//go:build amd64 || arm64

package cnode

import "syscall"

// noReserve keeps fences out of the system's accounts of memory.
const noReserve = syscall.MAP_NORESERVE
