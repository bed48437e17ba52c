package machine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/internal/machine"
)

// A machine that runs these tests has between 128 MiB and 64 TiB, and stays as
// it is.
func TestMemory(t *testing.T) {
	n := machine.Memory()
	require.Greater(t, n, int64(128<<20))
	require.Less(t, n, int64(64<<40))
	require.Equal(t, n, machine.Memory())
}
