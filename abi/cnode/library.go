//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/ebitengine/purego"
)

// library is a loaded library; it is never unloaded.
type library struct {
	path    string
	v2      uintptr // amp_run_node_v2, 0 without
	release uintptr // amp_release_state, 0 without
	free    uintptr // amp_free, or free of the C library
	clone   uintptr // amp_clone_state, 0 without
	// lastError is amp_last_error, 0 without.
	lastError uintptr
	// paged buffers end at a page without access: in a process that is the
	// library's own.
	paged bool
	// describe is amp_describe_node_type, nil without; freeText frees its result.
	describe func(typeName string) uintptr
	freeText uintptr
	// runNode is amp_run_node; it has a float among its arguments, which plain
	// calls cannot pass.
	runNode func(desc, inputs uintptr, batches, channels, frames int32, rate float64, out, outChannels, state, history uintptr) int32
}

// loaded are the libraries of this process, and the children of those that run
// in one.
var loaded struct {
	sync.Mutex
	here     map[string]*library
	children map[string]*client
}

// probeEnv names a library that a child process loads and calls, to see whether
// it survives.
const probeEnv = "AMPFIT_NODE_PROBE"

func init() {
	path := os.Getenv(probeEnv)
	if path == "" || embedded() {
		return
	}
	if _, err := open(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// load opens a library once: in a child process when calls have a limit, else
// here, after a child has tried whether it survives that.
func load(path string, limit time.Duration) (maker, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if limit > 0 && !embedded() {
		c := loaded.children[path]
		if c == nil {
			c = &client{path: path}
			if loaded.children == nil {
				loaded.children = map[string]*client{}
			}
			loaded.children[path] = c
		}
		c.limit.Store(int64(limit))
		return c, c.start()
	}
	if lib := loaded.here[path]; lib != nil {
		return lib, nil
	}
	if !embedded() {
		if err := probe(path); err != nil {
			return nil, err
		}
	}
	lib, err := open(path)
	if err != nil {
		return nil, err
	}
	if loaded.here == nil {
		loaded.here = map[string]*library{}
	}
	loaded.here[path] = lib
	return lib, nil
}

func probe(path string) error {
	self, err := os.Executable()
	if err != nil {
		return nil // no child can be made; the load itself tells
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), probeEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if e, ok := err.(*exec.ExitError); ok && e.ExitCode() == 1 {
		return fmt.Errorf("%s", strings.TrimSpace(string(out)))
	}
	return fmt.Errorf("the node library %s crashes when it is loaded (%v)", path, err)
}

// open loads a library and looks its functions up.
func open(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("the node library %s cannot be loaded: %v", path, err)
	}
	lib := &library{path: path}
	symbol := func(name string) uintptr {
		p, err := purego.Dlsym(handle, name)
		if err != nil {
			return 0
		}
		return p
	}
	run, version := symbol("amp_run_node"), symbol("amp_abi_version")
	lib.release, lib.free = symbol("amp_release_state"), symbol("amp_free")
	lib.clone, lib.lastError = symbol("amp_clone_state"), symbol("amp_last_error")
	if lib.free == 0 {
		lib.free, _ = purego.Dlsym(purego.RTLD_DEFAULT, "free")
	}
	if version != 0 {
		if v, _, _ := purego.SyscallN(version); uint32(v) == 2 {
			lib.v2 = symbol("amp_run_node_v2")
		} else if uint32(v) > 2 && run == 0 {
			return nil, fmt.Errorf("the node library %s speaks version %d of the interface; this program speaks 1 and 2", path, uint32(v))
		}
	}
	switch {
	case run == 0 && lib.v2 != 0:
		return nil, fmt.Errorf("the node library %s exports amp_run_node_v2 but not amp_run_node; programs that know the first interface only need both, so export both", path)
	case run == 0:
		return nil, fmt.Errorf("%s is no node library: it exports neither amp_run_node nor amp_run_node_v2", path)
	case lib.v2 != 0 && lib.release == 0:
		return nil, fmt.Errorf("the node library %s exports amp_run_node_v2 but not amp_release_state", path)
	}
	purego.RegisterFunc(&lib.runNode, run)
	if p := symbol("amp_describe_node_type"); p != 0 {
		purego.RegisterFunc(&lib.describe, p)
		lib.freeText = symbol("amp_free_text")
	}
	return lib, nil
}

// about returns what the library says of a type; "" when it says nothing.
func (lib *library) about(typeName string) (text string, v2 bool) {
	v2 = lib.v2 != 0
	if lib.describe == nil {
		return "", v2
	}
	at := lib.describe(typeName)
	if at == 0 {
		return "", v2
	}
	text = goText(at)
	if lib.freeText != 0 {
		purego.SyscallN(lib.freeText, at)
	}
	return text, v2
}
