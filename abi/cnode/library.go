//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"ampfit/abi"

	"github.com/ebitengine/purego"
)

// library is a loaded library; it is never unloaded.
type library struct {
	path    string
	v2      uintptr // amp_run_node_v2, 0 without
	release uintptr // amp_release_state, 0 without
	free    uintptr // amp_free, or free of the C library
	// describe is amp_describe_node_type, nil without; freeText frees its result.
	describe func(typeName string) uintptr
	freeText uintptr
	// runNode is amp_run_node; it has a float among its arguments, which plain
	// calls cannot pass.
	runNode func(desc, inputs uintptr, batches, channels, frames int32, rate float64, out, outChannels, state, history uintptr) int32
}

var loaded struct {
	sync.Mutex
	libs map[string]*library
}

// probeEnv names a library that a child process loads and calls, to see whether
// it survives.
const probeEnv = "AMPFIT_NODE_PROBE"

func init() {
	path := os.Getenv(probeEnv)
	if path == "" {
		return
	}
	if _, err := open(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// load opens a library once, the first time in a child process.
func load(path string) (*library, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	loaded.Lock()
	defer loaded.Unlock()
	if lib := loaded.libs[abs]; lib != nil {
		return lib, nil
	}
	if err := probe(abs); err != nil {
		return nil, err
	}
	lib, err := open(abs)
	if err != nil {
		return nil, err
	}
	if loaded.libs == nil {
		loaded.libs = map[string]*library{}
	}
	loaded.libs[abs] = lib
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

// nodeType describes a node of the library: one audio input, one output, and
// the parameters that the graph file names.
func (lib *library) nodeType(name string) *abi.NodeType {
	t := &abi.NodeType{
		Name: name, Family: "Libraries", Doc: "A node of " + filepath.Base(lib.path) + ".",
		Inputs: []string{"in"}, Outputs: []string{"out"}, Open: true,
		Coupled: true,
		State:   1, // the token of the newest call; 0 before the first
		Forward: forward,
	}
	if lib.v2 != 0 {
		t.Backward = backward
	}
	t.Params = lib.params(name)
	t.Configure = func(s *abi.Setup) error {
		n := &node{lib: lib, name: s.Node, typeName: name, rate: s.Rate, channels: s.Channels[0], sessions: map[int64]*session{}}
		s.Length("\x00" + s.Node) // what is asked keeps two nodes from sharing a call, and so this Data
		for _, p := range s.Params {
			n.params = append(n.params, p.Name)
			n.start = append(n.start, p.Default)
		}
		if err := n.try(); err != nil {
			return abi.Errorf("library", "%v", err)
		}
		runtime.SetFinalizer(n, (*node).close)
		s.OutChannels = []int{n.outChannels}
		s.NoBackward = n.v1 || n.noBackward
		s.Data = n
		return nil
	}
	return t
}

// params are those that the library describes as the node reference does:
// {"params": [{"name", "unit", "doc", "default", "min", "max", "scale"}]}. What
// has no range there is left to the graph file.
func (lib *library) params(typeName string) []abi.Param {
	if lib.describe == nil {
		return nil
	}
	at := lib.describe(typeName)
	if at == 0 {
		return nil
	}
	text := goText(at)
	if lib.freeText != 0 {
		purego.SyscallN(lib.freeText, at)
	}
	var d struct {
		Params []struct {
			Name, Unit, Doc, Scale string
			Default                float64
			Min, Max               *float64
			Vector                 bool
		}
	}
	if json.Unmarshal([]byte(text), &d) != nil {
		return nil
	}
	var params []abi.Param
	for _, p := range d.Params {
		if p.Name == "" || p.Vector || p.Min == nil || p.Max == nil || !(*p.Min < *p.Max) {
			continue
		}
		q := abi.Param{Name: p.Name, Unit: p.Unit, Doc: p.Doc, Default: p.Default, Min: *p.Min, Max: *p.Max}
		if p.Scale == abi.Log.String() && q.Min >= 0 {
			q.Scale = abi.Log
		}
		params = append(params, q)
	}
	return params
}

// goText copies a C string.
func goText(at uintptr) string {
	var b []byte
	for p := *(*unsafe.Pointer)(unsafe.Pointer(&at)); *(*byte)(p) != 0; p = unsafe.Add(p, 1) {
		b = append(b, *(*byte)(p))
	}
	return string(b)
}
