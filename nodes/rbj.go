package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() {
	cutoff := cornerParam("cutoff_hz", "Corner frequency: the pole frequency of the analog prototype, warped to be exact.")
	freq := cornerParam("freq_hz", "Centre frequency, or the middle of a shelf's slope.")
	q := qualityParam("Quality of the pole pair; 0.7071 has no peak, more is narrower.")
	gain := boostParam("Gain at the centre, or on the shelf.")
	const ends = "the poles of the analog filter, and its gain exactly at 0 and at half the rate."
	const shelf = "the gain exactly at 0, at half the rate and at one frequency between, within about 1 dB elsewhere for q up to 2; the slope at 0 dB is that of a high shelf's cut."
	for _, f := range []struct {
		kind                       kernel.Filter
		name, doc, detail, matched string
		params                     []abi.Param
	}{
		{kernel.Lowpass, "LowpassNode", "Low-pass filter, 12 dB per octave.",
			"H(s) = 1/(s² + s/Q + 1). The gain at cutoff_hz is q; by the bilinear transform it is 0 at half the rate.", ends, []abi.Param{cutoff, q}},
		{kernel.Highpass, "HighpassNode", "High-pass filter, 12 dB per octave.",
			"H(s) = s²/(s² + s/Q + 1). The gain at cutoff_hz is q; by the bilinear transform it is 1 at half the rate.", ends, []abi.Param{cutoff, q}},
		{kernel.Bandpass, "BandpassNode", "Band-pass filter, 0 dB at its peak.",
			"H(s) = (s/Q)/(s² + s/Q + 1).", "the poles of the analog filter, its slope at 0, and its gain exactly at half the rate.", []abi.Param{freq, q}},
		{kernel.Notch, "NotchNode", "Notch filter: silence at one frequency.",
			"H(s) = (s² + 1)/(s² + s/Q + 1).", "the gain exactly at 0, at freq_hz with its width there, and at half the rate.", []abi.Param{freq, q}},
		{kernel.Allpass, "AllpassNode", "All-pass filter: turns the phase by 360° around one frequency.",
			"H(s) = (s² − s/Q + 1)/(s² + s/Q + 1).", "the poles of the analog filter; the gain is 1 in both, the phase is nearer to the analog one.", []abi.Param{freq, q}},
		{kernel.Peaking, "PeakingEQNode", "Equaliser band: gain around one frequency.",
			"H(s) = (s² + s A/Q + 1)/(s² + s/(A Q) + 1), A = 10^(gain_db/40). The gain at freq_hz is gain_db.", "the poles of the analog filter, its gain exactly at 0 and at freq_hz, where it is highest or lowest.", []abi.Param{freq, q, gain}},
		{kernel.LowShelf, "LowShelfNode", "Low shelf: gain below a frequency.",
			"H(s) = A (s² + s √A/Q + A)/(A s² + s √A/Q + 1), A = 10^(gain_db/40). The gain at freq_hz is gain_db/2 for every q.", shelf, []abi.Param{freq, q, gain}},
		{kernel.HighShelf, "HighShelfNode", "High shelf: gain above a frequency.",
			"H(s) = A (A s² + s √A/Q + 1)/(s² + s √A/Q + A), A = 10^(gain_db/40). The gain at freq_hz is gain_db/2 for every q.", shelf, []abi.Param{freq, q, gain}},
	} {
		cookbook := &kernel.Biquad{Params: len(f.params), Design: func(c []float64, freq, q, gain, rate float64, slopes bool) {
			kernel.CookbookDesign(f.kind, c, freq, q, gain, rate, slopes)
		}}
		matched := &kernel.Biquad{Params: len(f.params), Design: func(c []float64, freq, q, gain, rate float64, slopes bool) {
			kernel.MatchedDesign(f.kind, c, freq, q, gain, rate, slopes)
		}}
		abi.Register(abi.NodeType{
			Name: f.name, Family: filters, Doc: f.doc,
			Detail: f.detail + " design rbj: bilinear transform, exact at its frequency. design matched: " + f.matched + " y[n] = b0 x[n] + b1 x[n−1] + b2 x[n−2] − a1 y[n−1] − a2 y[n−2], coefficients new in every frame where a parameter is modulated.",
			Source: "R. Bristow-Johnson, Audio EQ Cookbook (W3C Note, 2021); M. Vicanek, Matched Second Order Digital Filters, 2016; C.-Y. Yu et al., Differentiable All-pole Filters for Time-varying Audio Systems, DAFx 2024 (the adjoint).",
			Inputs: in, Outputs: out, Params: f.params,
			State: kernel.BiquadState, Coefs: kernel.BiquadCoefs, Scratch: kernel.BiquadScratch, FrameScratch: 1,
			Config: []abi.Key{{Name: "design", Kind: abi.String, Default: "rbj", Enum: []string{"rbj", "matched"}, Doc: "Bilinear transform, or gains matched up to half the rate."}},
			Configure: func(s *abi.Setup) error {
				s.Data = cookbook
				if s.Config.Text("design") == "matched" {
					s.Data, s.NoSecond = matched, true
				}
				return nil
			},
			Prepare:        lanes(kernel.BiquadPrepare),
			Forward:        lanes(kernel.BiquadForward),
			Backward:       lanePairs(kernel.BiquadBackward),
			Tangent:        lanePairs(kernel.BiquadTangent),
			Second:         kernel.Second(cookbookFormula(f.kind, len(f.params))),
			Kernel:         "biquad",
			CohortForward:  kernel.BiquadForwardCohort,
			CohortBackward: kernel.BiquadBackwardCohort,
		})
	}
}

// cookbookFormula is the formula of a filter of the cookbook with so many
// parameters.
func cookbookFormula(kind kernel.Filter, params int) func(f *kernel.Formula) {
	return func(f *kernel.Formula) {
		freq, q, gain := f.Param(0), f.Param(1), func(int) kernel.Number { return 0 }
		if params > 2 {
			gain = f.Param(2)
		}
		var c [5]kernel.Number
		for n := range f.Frames() {
			if n == 0 || !f.Block.Held() {
				c = f.Cookbook(kind, freq(n), q(n), gain(n))
			}
			f.Out(0, n, f.Section(c, f.In(0, n), 0))
		}
	}
}
