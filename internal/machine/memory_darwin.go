package machine

import "syscall"

// total reads hw.memsize, eight bytes of which Sysctl takes a last zero off.
func total() int64 {
	s, err := syscall.Sysctl("hw.memsize")
	if err != nil || len(s) > 8 {
		return 0
	}
	var n int64
	for i := range len(s) {
		n |= int64(s[i]) << (8 * i)
	}
	return n
}

func contained() int64 { return 0 }
