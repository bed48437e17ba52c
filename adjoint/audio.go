package adjoint

import (
	"ampfit/abi"
	"ampfit/internal/wav"
)

// ReadAudio reads a WAV file for the nodes that name one.
func ReadAudio(path string) (*abi.Audio, error) {
	a, err := wav.Read(path)
	if err != nil {
		return nil, err
	}
	return &abi.Audio{Rate: float64(a.Rate), Rows: a.Rows()}, nil
}
