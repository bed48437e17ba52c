//go:build !noasm

package vec

//go:generate go -C ../asmgen run ./vec -pkg vec -out ../vec/kernels_amd64.s -stubs ../vec/kernels_amd64.go

import "golang.org/x/sys/cpu"

// useAVX2 tells whether the kernels of kernels_amd64.s run here.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
