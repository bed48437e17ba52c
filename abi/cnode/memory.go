//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// region is memory that a library sees, outside of Go's heap, with words on
// either side of what is in use that show a write past it:
//
//	plain    … | guard | data … | guard guard guard guard | …
//	paged    … | guard | data … ║ fence: pages without access
//
// Paged, a library that reads or writes past the end, or far beyond it, crashes
// at once; that is for a process that only it can take down.
type region struct {
	what   string // for messages
	memory []byte
	words  []float64
	paged  bool
	data   []float64
}

const (
	guard  = 0x5afe5afe5afe5afe
	behind = 4 // guards: one amp_buffer_t
	// fence is how far beyond a buffer a slip still shows; it takes addresses,
	// not memory.
	fence = 64 << 20
)

// use makes the region hold n values, aligned to 16 bytes, and sets its guards.
// What it held is lost when it has to grow.
func (r *region) use(n int) []float64 {
	if n+2+behind > len(r.words) {
		r.free()
		page := os.Getpagesize()
		size := (8*(n+2+behind) + page - 1) / page * page
		extra := 0
		if r.paged {
			extra = fence
		}
		mapped := func() ([]byte, error) {
			return syscall.Mmap(-1, 0, size+extra, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|noReserve)
		}
		memory, err := mapped()
		if err != nil && r.paged { // addresses are scarce
			extra = page
			memory, err = mapped()
		}
		if err == nil && r.paged {
			err = syscall.Mprotect(memory[size:], syscall.PROT_NONE)
		}
		if err != nil {
			panic(fmt.Sprintf("cnode: no memory for %d values: %v", n, err))
		}
		r.memory = memory
		r.words = unsafe.Slice((*float64)(unsafe.Pointer(&memory[0])), size/8)
		if r.paged && fenced != nil {
			fenced(uintptr(unsafe.Pointer(&memory[size])), extra, r.what)
		}
	}
	at := 2
	if r.paged {
		at = len(r.words) - n - n&1
	}
	r.data = r.words[at : at+n : at+n]
	r.set(at - 1)
	for i := at + n; i < min(at+n+behind, len(r.words)); i++ {
		r.set(i)
	}
	return r.data
}

// fenced is told of every range without access that is set up.
var fenced func(at uintptr, size int, what string)

func (r *region) set(i int) { *(*uint64)(unsafe.Pointer(&r.words[i])) = guard }

func (r *region) holds(i int) bool { return *(*uint64)(unsafe.Pointer(&r.words[i])) == guard }

// intact reports whether nothing was written beside the data.
func (r *region) intact() (before, after bool) {
	if len(r.words) == 0 {
		return true, true
	}
	at := 2
	if r.paged {
		at = len(r.words) - len(r.data) - len(r.data)&1
	}
	after = true
	for i := at + len(r.data); i < min(at+len(r.data)+behind, len(r.words)); i++ {
		after = after && r.holds(i)
	}
	return r.holds(at - 1), after
}

func (r *region) free() {
	if r.memory != nil {
		_ = syscall.Munmap(r.memory) // it was mapped, so this cannot fail
	}
	r.memory, r.words, r.data = nil, nil, nil
}

// view shows the region's values as an array of structures.
func view[T any](r *region, n int) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	data := r.use((n*size + 7) / 8)
	clear(data)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), n)
}

// text holds a C string.
func (r *region) text(s string) uintptr {
	b := view[byte](r, len(s)+1)
	copy(b, s)
	return address(b)
}

func address[T any](v []T) uintptr {
	if len(v) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&v[0]))
}
