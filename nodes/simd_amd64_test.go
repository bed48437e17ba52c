//go:build !noasm

package nodes

// WithoutVectors calls f with the kernels in assembly switched off.
func WithoutVectors(f func()) {
	was := useAVX2
	useAVX2 = false
	defer func() { useAVX2 = was }()
	f()
}
