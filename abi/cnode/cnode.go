// Package cnode loads node libraries in C at run time, without cgo: the
// "library" key of a node in a graph file. Importing it registers the loader.
//
// A library exports amp_run_node, AMP's first call, and amp_release_state; with
// amp_abi_version() 2 and amp_run_node_v2 as well it can also be walked back:
//
//	engine   forward 0, 1, 2, …            backward …, 2, 1, 0
//	library  amp_run_node_v2 AMP_FORWARD   AMP_BACKWARD pops the newest call
//
// The library keeps its calls itself ("record": -1). The engine goes back to
// snapshots and renders again; every call therefore leaves a token in the
// lane's state that names its session and place, and a call that was made
// before is answered from what is kept of it: 8 bytes for each sample heard and
// played.
//
// With Isolate, libraries run in child processes of this program and cannot
// take it down: see there.
package cnode

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"ampfit/abi"
)

func init() { abi.RegisterLoader(Open) }

// Fault is what a library did wrong while it ran.
type Fault struct {
	Library, Node, Msg string
	// Intact says that nothing outside the library is affected: it ran in a
	// process of its own, or only its results are wrong.
	Intact bool
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%s: node %s: %s", filepath.Base(f.Library), f.Node, f.Msg)
}

// OnFault is called by a kernel whose library broke the contract; programs
// replace it. It may return when the fault is Intact: the node then plays NaN
// to the end of the run, and the next run begins afresh, in a new child if the
// library crashed. A program that wants to keep its results so far returns, and
// ends the run. The default panics.
var OnFault = func(f *Fault) { panic(f) }

// CallLimit is a time that no call of a sound library takes.
const CallLimit = 10 * time.Second

// isolation is the time limit of a call in nanoseconds; 0 runs libraries in
// this process.
var isolation atomic.Int64

// Isolate makes libraries that are opened from now on run in child processes,
// one for each library: this program started again, which notices in the init
// of this package what it is for. A library that crashes, or whose call takes
// longer than the limit, ends as a Fault that is Intact. Buffers end at a page
// without access there. Results have the same bits. A limit of 0 takes it back.
func Isolate(limit time.Duration) { isolation.Store(int64(max(limit, 0))) }

// Open loads a library and returns the node type of that name in it.
func Open(path, typeName string) (*abi.NodeType, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the node library %s does not exist or cannot be read", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	m, err := load(abs, time.Duration(isolation.Load()))
	if err != nil {
		return nil, err
	}
	return nodeType(abs, typeName, m)
}
