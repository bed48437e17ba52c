package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPictureIsUpToDate(t *testing.T) {
	drawn, err := os.ReadFile("../../../docs/architecture.svg")
	require.NoError(t, err)
	require.Equal(t, picture(), string(drawn), "run make docs")
}
