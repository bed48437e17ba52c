//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// AVX2 tells whether the kernels in assembly run here. Without them plain Go does the
// same; a test may switch it off to compare both.
var AVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
