package optim_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ampfit/abi"
	_ "ampfit/nodes"

	"github.com/stretchr/testify/require"
)

// A search that knows a node type or a parameter by its name is blind to the
// next one, and to those of C libraries: roles say what a parameter is.
func TestNoNameIsKnownByHeart(t *testing.T) {
	names := map[string]string{}
	for _, nt := range abi.Types() {
		for _, name := range append([]string{nt.Name}, nt.Aliases...) {
			names[name] = "the node type " + nt.Name
		}
		for _, p := range nt.Params {
			names[p.Name] = "a parameter of " + nt.Name
		}
	}
	require.NotEmpty(t, names)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if what, known := names[text]; err == nil && known {
					t.Errorf("%s: %s is %s; ask for its role", set.Position(lit.Pos()), lit.Value, what)
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
}
