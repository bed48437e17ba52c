package vec

// Plain switches the kernels off until the function that it returns is called.
func Plain() (restore func()) {
	before := useAVX2
	useAVX2 = false
	return func() { useAVX2 = before }
}
