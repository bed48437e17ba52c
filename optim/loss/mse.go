package loss

func init() {
	register(kind{name: "mse", doc: "Mean squared error of the waveform.", args: []string{"pre"}, build: waveform(NewMSE), metric: "mse", sign: 1})
}

// NewMSE returns the mean squared error
//
//	1/N Σ (x-y)²
//
// over the frames of all channels, after pre-emphasis if there is one. It
// fails if the target is empty or not finite.
func NewMSE(target []float64, opts ...Options) (Loss, error) {
	s, pre, err := bindWaveform("mse", target, opts, true)
	if err != nil {
		return nil, err
	}
	return &squares{signal: s, pre: pre, over: float64(len(target))}, nil
}
