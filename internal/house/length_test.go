package house_test

import (
	"go/ast"
	"testing"
)

// longest is how many lines a function has at most: what a reader sees at once.
const longest = 80

// tables are longer functions that are one table, with the reason why they are
// functions.
var tables = map[string]string{}

func TestFunctionsFitOnAPage(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t, ".") {
		ast.Inspect(s.file, func(n ast.Node) bool {
			name := "a function value"
			switch f := n.(type) {
			case *ast.FuncDecl:
				name = f.Name.Name
			case *ast.FuncLit: // at the top level, or within a function that is counted
			default:
				return true
			}
			at := s.fset.Position(n.Pos())
			lines := s.fset.Position(n.End()).Line - at.Line + 1
			if key := s.path + " " + name; tables[key] != "" {
				used[key] = true
			} else if lines > longest {
				t.Errorf("%s:%d: %s has %d lines; at most %d: cut it where its idea has a joint", s.path, at.Line, name, lines, longest)
			}
			return false
		})
	}
	for key := range tables {
		if !used[key] {
			t.Errorf("there is no function %q; take it out of the table", key)
		}
	}
}
