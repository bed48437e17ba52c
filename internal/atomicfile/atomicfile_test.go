package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ampfit/internal/atomicfile"

	"github.com/stretchr/testify/require"
)

func TestWriteReplacesAWholeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.txt")
	for _, text := range []string{"first", "second"} {
		require.NoError(t, atomicfile.Write(path, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
}

func TestFailureLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.txt")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	cause := errors.New("no more paper")
	err := atomicfile.Write(path, func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return cause })
	require.ErrorContains(t, err, path+": cannot be written (no more paper)")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.ErrorContains(t, atomicfile.Write(filepath.Join(dir, "no", "x"), nil), "cannot be written")
}
