//go:build !noasm

package loss

//go:generate go -C ../../internal/asmgen run ./bins -pkg loss -out ../../optim/loss/kernels_amd64.s -stubs ../../optim/loss/kernels_amd64.go

import "golang.org/x/sys/cpu"

// useAVX2 tells whether the kernels of kernels_amd64.s run here.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
