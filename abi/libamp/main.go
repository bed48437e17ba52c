// Command libamp is built as a C library (-buildmode=c-shared): the shims that
// turn the structures of amp.h into the types of package host. They are the
// only code that uses cgo. With the build tag native, amp_run_node_v2 has the
// twelve arguments that AMP's programs link against.
package main

/*
#cgo CFLAGS: -DAMP_BUILDING -std=c11 -O2
#include <stdlib.h>
#include "amp.h"

void amp_set_last_error(const char *text, size_t n);

static void *amp_handle_pointer(uintptr_t h) { return (void *)h; }
*/
import "C"

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"ampfit/abi"
	"ampfit/abi/libamp/host"
	"ampfit/internal/nodedoc"
	_ "ampfit/nodes"
)

func main() {} // c-shared libraries need one

// handles gives C a number for a Go value, shaped as a pointer that nobody
// follows. A number that was released finds nothing.
var handles struct {
	sync.RWMutex
	next   uintptr
	values map[uintptr]any
}

func newHandle(v any) unsafe.Pointer {
	handles.Lock()
	defer handles.Unlock()
	if handles.values == nil {
		handles.values = map[uintptr]any{}
	}
	handles.next += 16
	handles.values[handles.next] = v
	return C.amp_handle_pointer(C.uintptr_t(handles.next))
}

func lookup(p unsafe.Pointer) any {
	handles.RLock()
	defer handles.RUnlock()
	return handles.values[uintptr(p)]
}

func release(p unsafe.Pointer) any {
	handles.Lock()
	defer handles.Unlock()
	v := handles.values[uintptr(p)]
	delete(handles.values, uintptr(p))
	return v
}

// remember keeps an error for amp_last_error and returns its code.
func remember(err error) C.int {
	if err == nil {
		C.amp_set_last_error(nil, 0)
		return 0
	}
	text := err.Error()
	p := unsafe.StringData(text + "\x00")
	C.amp_set_last_error((*C.char)(unsafe.Pointer(p)), C.size_t(len(text)))
	return C.int(host.CodeOf(err))
}

// guard turns a panic into an error: none crosses into C.
func guard(code *C.int) {
	if r := recover(); r != nil {
		*code = remember(&host.Fault{Code: abi.EInternal, Msg: fmt.Sprint("internal error: ", r)})
	}
}

func invalid(format string, args ...any) C.int {
	return remember(host.Invalid(format, args...))
}

func goText(s *C.char) string {
	if s == nil {
		return ""
	}
	return C.GoString(s)
}

// peek shows a C text to Go without copying it, for as long as the call lasts.
func peek(s *C.char) string {
	if s == nil {
		return ""
	}
	n := 0
	for p := unsafe.Pointer(s); *(*byte)(p) != 0; p = unsafe.Add(p, 1) {
		n++
	}
	return unsafe.String((*byte)(unsafe.Pointer(s)), n)
}

func doubles(p *C.double, n int) []float64 {
	if p == nil {
		return nil
	}
	return unsafe.Slice((*float64)(unsafe.Pointer(p)), n)
}

// cDoubles copies values into memory that C frees.
func cDoubles(v []float64) *C.double {
	p := (*C.double)(C.malloc(C.size_t(8 * max(len(v), 1))))
	if p != nil {
		copy(doubles(p, len(v)), v)
	}
	return p
}

//export amp_abi_version
func amp_abi_version() C.uint32_t { return 2 }

//export amp_free
func amp_free(data *C.double) { C.free(unsafe.Pointer(data)) }

//export amp_free_text
func amp_free_text(text *C.char) { C.free(unsafe.Pointer(text)) }

//export amp_release_state
func amp_release_state(state unsafe.Pointer) { release(state) }

//export amp_list_nodes
func amp_list_nodes() *C.char {
	var names []string
	for _, t := range abi.Types() {
		names = append(names, t.Name)
	}
	text, _ := json.Marshal(names) // strings always encode
	return C.CString(string(text))
}

//export amp_describe_node_type
func amp_describe_node_type(name *C.char) *C.char {
	t := abi.Lookup(goText(name))
	if t == nil {
		remember(&host.Fault{Code: abi.EUnknownNode, Msg: fmt.Sprintf("there is no node type %q", goText(name))})
		return nil
	}
	text, err := nodedoc.JSON([]*abi.NodeType{t})
	if err != nil {
		remember(err)
		return nil
	}
	list := strings.TrimSpace(string(text))
	return C.CString(strings.TrimSpace(list[1 : len(list)-1])) // the one element
}
