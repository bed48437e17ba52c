//go:build !amd64 || noasm

package kernel

// AVX2 tells whether the kernels in assembly run here: there are none.
const AVX2 = false
