package abi

import "errors"

// loader opens node libraries.
var loader func(path, typeName string) (*NodeType, error)

// RegisterLoader sets the function that finds node types in libraries; package
// abi/cnode registers its own when it is imported.
func RegisterLoader(open func(path, typeName string) (*NodeType, error)) { loader = open }

// FromLibrary returns the node type of a name in the C node library at a path.
// Where no loader is registered, it fails.
func FromLibrary(path, typeName string) (*NodeType, error) {
	if loader == nil {
		return nil, errors.New("this program was built without C node libraries")
	}
	return loader(path, typeName)
}
