// Package atomicfile writes files that appear whole or not at all.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write calls write with a temporary file in the same directory and renames it
// to path when that succeeded. On failure nothing of it remains.
//
// A link is followed; what is no regular file, such as a device or a pipe, is
// written in place.
func Write(path string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if info, err := os.Stat(real); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return inPlace(path, write)
		}
		path = real
	}
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("%s: cannot be written (%v)", path, cause(err))
	}
	defer os.Remove(t.Name()) // gone after a rename
	if err = fill(t, write); err == nil {
		err = os.Chmod(t.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot be written (%v)", path, cause(err))
	}
	return nil
}

// inPlace writes to a device or pipe.
func inPlace(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		err = fill(f, write)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot be written (%v)", path, cause(err))
	}
	return nil
}

// fill writes to an open file and closes it.
func fill(f *os.File, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 1<<16)
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
