//go:build !noasm

package fft

//go:generate go -C ../asmgen run ./fft -pkg fft -out ../fft/kernels_amd64.s -stubs ../fft/kernels_amd64.go

import "golang.org/x/sys/cpu"

// useAVX2 tells whether the kernels of kernels_amd64.s run here.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
