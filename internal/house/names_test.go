package house_test

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"ampfit/abi"
	_ "ampfit/nodes"

	"github.com/stretchr/testify/require"
)

// blind are the folders that must know no node type by its name, whether they know
// parameters, and what to ask instead.
var blind = []struct {
	folder string
	params bool
}{
	{"graph", false}, {"adjoint", false}, {"optim", true}, {"cmd", false}, {"internal", false},
}

// mayName are the places that may, with the reason; a path that ends with a slash is a
// folder.
var mayName = map[string]string{
	"graph/load.go GainNode": "the example in the sentence about a node without a type",
	"internal/graphtest/":    "renders graphs by formulas of its own, as a second opinion on the engine",
}

// Analysis and search ask what a parameter is (abi.Role), and the engine asks what
// a type can; so a type that they have never seen is treated like any other.
func TestNobodyKnowsNodesByName(t *testing.T) {
	types, params := map[string]bool{}, map[string]bool{}
	for _, typ := range abi.Types() {
		for _, name := range append([]string{typ.Name}, typ.Aliases...) {
			types[name] = true
		}
		for _, p := range typ.Params {
			params[p.Name] = true
		}
	}
	require.NotEmpty(t, types)
	used := map[string]bool{}
	for _, b := range blind {
		for _, s := range sources(t, b.folder) {
			ast.Inspect(s.file, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				what := "a node type"
				if !types[text] {
					what = "a parameter"
				}
				if !types[text] && !(b.params && params[text]) {
					return true
				}
				for place := range mayName {
					if place == s.path+" "+text || strings.HasSuffix(place, "/") && strings.HasPrefix(s.path, place) {
						used[place] = true
						return true
					}
				}
				t.Errorf("%s:%d: %q is %s; ask for its role or for what it can (package abi)", s.path, s.fset.Position(lit.Pos()).Line, text, what)
				return true
			})
		}
	}
	for place := range mayName {
		if !used[place] {
			t.Errorf("%s names no node any more; take it out of the table", place)
		}
	}
}
