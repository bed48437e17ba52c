package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Paths stand between backquotes, or are led to; capitals are placeholders.
var namedPath = regexp.MustCompile("`([a-z][a-z0-9_]*/[a-z0-9_./]*)`|\\]\\(([^)#:]+)\\)")

// What the pages send a reader to is there.
func TestNamedFilesExist(t *testing.T) {
	const root = "../.." // TestMain has gone into testdata/readme
	for _, page := range []string{"docs/architecture.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		named := namedPath.FindAllStringSubmatch(string(text), -1)
		require.Greater(t, len(named), 20, page)
		for _, m := range named {
			at := filepath.Join(root, m[1])
			if m[2] != "" {
				at = filepath.Join(root, filepath.Dir(page), m[2])
			}
			if _, err := os.Stat(at); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1]+m[2])
			}
		}
	}
}
