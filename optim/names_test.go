package optim_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
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

// Imports point down: methods know nothing of ours, analysis nothing of graphs.
func TestImportsPointDown(t *testing.T) {
	for dir, allowed := range map[string][]string{
		"method":   {},
		"analysis": {"ampfit/internal/"},
		"loss":     {"ampfit/internal/"},
		"problem":  {"ampfit/abi", "ampfit/graph", "ampfit/adjoint", "ampfit/internal/", "ampfit/optim/loss", "ampfit/optim/method"},
		"search":   {"ampfit/abi", "ampfit/graph", "ampfit/adjoint", "ampfit/optim/loss", "ampfit/optim/method", "ampfit/optim/problem", "ampfit/optim/analysis"},
	} {
		files, err := filepath.Glob(dir + "/*.go")
		require.NoError(t, err)
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, spec := range file.Imports {
				name, _ := strconv.Unquote(spec.Path.Value)
				if strings.HasPrefix(name, "ampfit/") {
					require.True(t, slices.ContainsFunc(allowed, func(a string) bool { return name == a || strings.HasSuffix(a, "/") && strings.HasPrefix(name, a) }), "%s imports %s", path, name)
				}
			}
		}
	}
}
