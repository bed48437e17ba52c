package house_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows of the table below that stand for several packages.
const (
	leaves     = "internal" // packages of internal/ that import nothing of this tree
	everything = "*"
)

// tree says what each package may import of this tree, from the bottom up: docs/architecture.md
// has the picture. A package that is not here fails the test, as does a row
// without a package.
var tree = map[string][]string{
	"abi":         nil,
	"abi/abitest": {"abi"},
	"abi/cnode":   {"abi", leaves},

	"nodes/kernel": {"abi", leaves},
	"nodes":        {"abi", "nodes/kernel", leaves},

	"arena":     {"internal/vec"},
	"tape":      {"arena"},
	"graph":     {"abi", leaves},
	"graph/run": {"graph", "tape", "arena", "abi", leaves},
	"adjoint":   {"graph/run", "graph", "tape", "arena", "abi", leaves},

	"optim/loss":     {leaves},
	"optim/method":   nil,
	"optim/analysis": {leaves},
	"optim/problem":  {"optim/loss", "optim/method", "adjoint", "graph/run", "graph", "tape", "abi", leaves},
	"optim/search":   {"optim/problem", "optim/analysis", "optim/method", "optim/loss", "adjoint", "graph/run", "graph", "tape", "abi", leaves},
	"optim":          {"optim/search", "optim/problem", "optim/analysis", "optim/method", "optim/loss", "adjoint", "graph/run", "graph", "tape", "abi", leaves},

	"internal/atomicfile": nil,
	"internal/fft":        nil,
	"internal/house":      nil,
	"internal/jsontree":   nil,
	"internal/machine":    nil,
	"internal/resample":   nil,
	"internal/suggest":    nil,
	"internal/text":       nil,
	"internal/vec":        nil,
	"internal/wav":        nil,
	"internal/draw":       {"graph/run", "graph"},
	"internal/graphtest":  {"abi", leaves},
	"internal/nodedoc":    {"abi", leaves},
	"internal/plot":       {leaves},
	"internal/report":     {"internal/plot", leaves},

	"internal/tools/archpicture": nil,
	"internal/tools/bits":        {everything},
	"internal/tools/checkfit":    nil,

	"abi/libamp/ctest": nil,
	"abi/libamp/host":  {"optim", "adjoint", "graph/run", "graph", "abi/cnode", "abi", leaves}, // hosts see faults of libraries
	"abi/libamp":       {everything},
	"cmd/ampfit":       {everything},
	"docs":             nil,
}

func TestImportsPointDown(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command to list the packages with")
	}
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	seen := map[string]bool{}
	for d := json.NewDecoder(out); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		name := strings.TrimPrefix(p.ImportPath, "ampfit/")
		seen[name] = true
		may, known := tree[name]
		if !known {
			t.Errorf("%s is not in the table of this test; add what it may import", name)
			continue
		}
		for _, path := range p.Imports {
			if other, ours := strings.CutPrefix(path, "ampfit/"); ours && !allowed(may, other) {
				t.Errorf("%s imports %s; it may import %v", name, other, may)
			}
		}
	}
	require.NoError(t, cmd.Wait())
	for name := range tree {
		if !seen[name] {
			t.Errorf("there is no package %s; take its row out of the table", name)
		}
	}
}

func allowed(may []string, other string) bool {
	leaf := strings.HasPrefix(other, "internal/") && tree[other] == nil
	return slices.Contains(may, other) || slices.Contains(may, everything) || leaf && slices.Contains(may, leaves)
}
