package loss

// Plain switches the kernels off until the function that it returns is called.
func Plain() (restore func()) {
	before := useAVX2
	useAVX2 = false
	return func() { useAVX2 = before }
}

// Names lists every loss that Parse knows.
func Names() []string { return kindNames() }

// DropSpectra makes a spectral loss compute spectra again in the backward
// sweep, as it does where they are too many to keep.
func DropSpectra(l Loss) { l.(*spectral).keep = false }
