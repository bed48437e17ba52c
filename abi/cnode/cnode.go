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
package cnode

import (
	"fmt"
	"os"
	"path/filepath"

	"ampfit/abi"
	"ampfit/graph"
)

func init() { graph.RegisterLibraryLoader(Open) }

// Fault is what a library did wrong while it ran.
type Fault struct {
	Library, Node, Msg string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%s: node %s: %s", filepath.Base(f.Library), f.Node, f.Msg)
}

// OnFault is called by a kernel whose library broke the contract; nothing after
// it can be trusted. It must not return. Programs replace it.
var OnFault = func(f *Fault) { panic(f) }

// Open loads a library and returns the node type of that name in it.
func Open(path, typeName string) (*abi.NodeType, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the node library %s does not exist or cannot be read", path)
	}
	lib, err := load(path)
	if err != nil {
		return nil, err
	}
	return lib.nodeType(typeName), nil
}
