package host

// SetMemory bounds what nodes and graphs may take until the returned function
// is called.
func SetMemory(bytes int64) (restore func()) {
	memory = bytes
	return func() { memory = 0 }
}
