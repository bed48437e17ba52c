//go:build amd64 || arm64

package cnode

// noReserve is not needed: what is never touched takes nothing.
const noReserve = 0
