package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the top of the tree.
const root = "../.."

// source is a Go file that is no test.
type source struct {
	path string // from the top, with slashes
	file *ast.File
	fset *token.FileSet
}

// sources parses the Go files below a folder of the tree, tests left out.
func sources(t *testing.T, folder string) (all []source) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".."):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		from, err := filepath.Rel(root, path)
		all = append(all, source{filepath.ToSlash(from), file, fset})
		return err
	})
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return all
}
