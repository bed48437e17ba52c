package nodes

import (
	"math"

	"ampfit/abi"
)

// rbjKind is a filter of the cookbook.
type rbjKind int

const (
	lowpass rbjKind = iota
	highpass
	bandpass
	notch
	allpass
	peaking
	lowShelf
	highShelf
)

func init() {
	cutoff := abi.Param{
		Name: "cutoff_hz", Role: abi.Corner, Unit: "Hz", Default: 1000, Min: 10, MaxRate: 0.49, Scale: abi.Log, Mod: true,
		Doc: "Corner frequency: the pole frequency of the analog prototype, warped to be exact.",
	}
	freq := abi.Param{
		Name: "freq_hz", Role: abi.Corner, Unit: "Hz", Default: 1000, Min: 10, MaxRate: 0.49, Scale: abi.Log, Mod: true,
		Doc: "Centre frequency, or the middle of a shelf's slope.",
	}
	q := abi.Param{
		Name: "q", Role: abi.Quality, Default: math.Sqrt2 / 2, Min: 0.05, Max: 40, Scale: abi.Log, Mod: true,
		Doc: "Quality of the pole pair; 0.7071 has no peak, more is narrower.",
	}
	gain := abi.Param{
		Name: "gain_db", Role: abi.Boost, Unit: "dB", Default: 0, Min: -40, Max: 40, Mod: true,
		Doc: "Gain at the centre, or on the shelf.",
	}
	const ends = "the poles of the analog filter, and its gain exactly at 0 and at half the rate."
	const shelf = "the gain exactly at 0, at half the rate and at one frequency between, within about 1 dB elsewhere for q up to 2; the slope at 0 dB is that of a high shelf's cut."
	for _, f := range []struct {
		kind                       rbjKind
		name, doc, detail, matched string
		params                     []abi.Param
	}{
		{lowpass, "LowpassNode", "Low-pass filter, 12 dB per octave.",
			"H(s) = 1/(s² + s/Q + 1). The gain at cutoff_hz is q; by the bilinear transform it is 0 at half the rate.", ends, []abi.Param{cutoff, q}},
		{highpass, "HighpassNode", "High-pass filter, 12 dB per octave.",
			"H(s) = s²/(s² + s/Q + 1). The gain at cutoff_hz is q; by the bilinear transform it is 1 at half the rate.", ends, []abi.Param{cutoff, q}},
		{bandpass, "BandpassNode", "Band-pass filter, 0 dB at its peak.",
			"H(s) = (s/Q)/(s² + s/Q + 1).", "the poles of the analog filter, its slope at 0, and its gain exactly at half the rate.", []abi.Param{freq, q}},
		{notch, "NotchNode", "Notch filter: silence at one frequency.",
			"H(s) = (s² + 1)/(s² + s/Q + 1).", "the gain exactly at 0, at freq_hz with its width there, and at half the rate.", []abi.Param{freq, q}},
		{allpass, "AllpassNode", "All-pass filter: turns the phase by 360° around one frequency.",
			"H(s) = (s² − s/Q + 1)/(s² + s/Q + 1).", "the poles of the analog filter; the gain is 1 in both, the phase is nearer to the analog one.", []abi.Param{freq, q}},
		{peaking, "PeakingEQNode", "Equaliser band: gain around one frequency.",
			"H(s) = (s² + s A/Q + 1)/(s² + s/(A Q) + 1), A = 10^(gain_db/40). The gain at freq_hz is gain_db.", "the poles of the analog filter, its gain exactly at 0 and at freq_hz, where it is highest or lowest.", []abi.Param{freq, q, gain}},
		{lowShelf, "LowShelfNode", "Low shelf: gain below a frequency.",
			"H(s) = A (s² + s √A/Q + A)/(A s² + s √A/Q + 1), A = 10^(gain_db/40). The gain at freq_hz is gain_db/2 for every q.", shelf, []abi.Param{freq, q, gain}},
		{highShelf, "HighShelfNode", "High shelf: gain above a frequency.",
			"H(s) = A (A s² + s √A/Q + 1)/(s² + s √A/Q + A), A = 10^(gain_db/40). The gain at freq_hz is gain_db/2 for every q.", shelf, []abi.Param{freq, q, gain}},
	} {
		cookbook := &biquad{len(f.params), func(c []float64, freq, q, gain, rate float64, slopes bool) {
			rbjDesign(f.kind, c, freq, q, gain, rate, slopes)
		}}
		matched := &biquad{len(f.params), func(c []float64, freq, q, gain, rate float64, slopes bool) {
			matchedDesign(f.kind, c, freq, q, gain, rate, slopes)
		}}
		abi.Register(abi.NodeType{
			Name: f.name, Family: filters, Doc: f.doc,
			Detail: f.detail + " design rbj: bilinear transform, exact at its frequency. design matched: " + f.matched + " y[n] = b0 x[n] + b1 x[n−1] + b2 x[n−2] − a1 y[n−1] − a2 y[n−2], coefficients new in every frame where a parameter is modulated.",
			Source: "R. Bristow-Johnson, Audio EQ Cookbook (W3C Note, 2021); M. Vicanek, Matched Second Order Digital Filters, 2016; C.-Y. Yu et al., Differentiable All-pole Filters for Time-varying Audio Systems, DAFx 2024 (the adjoint).",
			Inputs: in, Outputs: out, Params: f.params,
			State: biquadState, Coefs: biquadCoefs, Scratch: biquadScratch, FrameScratch: 1,
			Config: []abi.Key{{Name: "design", Kind: abi.String, Default: "rbj", Enum: []string{"rbj", "matched"}, Doc: "Bilinear transform, or gains matched up to half the rate."}},
			Configure: func(s *abi.Setup) error {
				s.Data = cookbook
				if s.Config.Text("design") == "matched" {
					s.Data, s.NoSecond = matched, true
				}
				return nil
			},
			Prepare:        biquadPrepare,
			Forward:        biquadForward,
			Backward:       biquadBackward,
			Tangent:        biquadTangent,
			Second:         second(cookbookFormula(f.kind, len(f.params))),
			Kernel:         "biquad",
			CohortForward:  biquadForwardCohort,
			CohortBackward: biquadBackwardCohort,
		})
	}
}

// rbjDesign writes the cookbook's b0, b1, b2, a1, a2 for a0 = 1 into c[0:5],
// and their slopes by freq, q and gain (dB) into c[5:20].
func rbjDesign(kind rbjKind, c []float64, freq, q, gain, rate float64, slopes bool) {
	half := sinQuarter(freq / (2 * rate)) // sin w/2; 1 - cos w = 2 sin² w/2 does not cancel
	versine := 2 * half * half
	sin, cos := 2*half*math.Sqrt(1-half*half), 1-versine
	k := cookbook{cos: cos, versine: versine, alpha: sin / (2 * q), amp: 1}
	if kind >= peaking {
		k.amp = math.Exp(decibels / 2 * gain)
	}
	k.fill(kind)
	scale := 1 / k.p[3]
	order := [5]int{0, 1, 2, 4, 5} // b0, b1, b2, a1, a2 within p
	for i, j := range order {
		c[i] = k.p[j] * scale
	}
	if !slopes {
		return
	}
	byFreq, byQ, byGain := c[5:10], c[10:15], c[15:20]
	dw := 2 * math.Pi / rate
	dcos, dalpha := -sin*dw, cos*dw/(2*q)
	a0Freq := k.byCos[3]*dcos + k.byAlpha[3]*dalpha
	a0Q := -k.byAlpha[3] * k.alpha / q
	a0Gain := k.byAmp[3] * k.amp * decibels / 2
	for i, j := range order {
		byFreq[i] = (k.byCos[j]*dcos + k.byAlpha[j]*dalpha - c[i]*a0Freq) * scale
		byQ[i] = (-k.byAlpha[j]*k.alpha/q - c[i]*a0Q) * scale
		byGain[i] = (k.byAmp[j]*k.amp*decibels/2 - c[i]*a0Gain) * scale
	}
}

// cookbook holds the polynomials of a filter before a0 is divided out, and
// their slopes by the three intermediate variables of the cookbook.
type cookbook struct {
	cos     float64 // cos w
	versine float64 // 1 - cos w, without the cancellation
	alpha   float64 // sin w / 2Q
	amp     float64 // A = 10^(dB/40)

	p                     [6]float64 // b0, b1, b2, a0, a1, a2
	byCos, byAlpha, byAmp [6]float64
}

func (k *cookbook) fill(kind rbjKind) {
	c, v, alpha, a := k.cos, k.versine, k.alpha, k.amp
	k.p = [6]float64{0, 0, 0, 1 + alpha, -2 * c, 1 - alpha}
	k.byCos = [6]float64{0, 0, 0, 0, -2, 0}
	k.byAlpha = [6]float64{0, 0, 0, 1, 0, -1}
	b, byCos, byAlpha := k.p[:3], k.byCos[:3], k.byAlpha[:3]
	switch kind {
	case lowpass:
		b[0], b[1], b[2] = v/2, v, v/2
		byCos[0], byCos[1], byCos[2] = -0.5, -1, -0.5
	case highpass:
		b[0], b[1], b[2] = (1+c)/2, -(1 + c), (1+c)/2
		byCos[0], byCos[1], byCos[2] = 0.5, -1, 0.5
	case bandpass:
		b[0], b[2] = alpha, -alpha
		byAlpha[0], byAlpha[2] = 1, -1
	case notch:
		b[0], b[1], b[2] = 1, -2*c, 1
		byCos[1] = -2
	case allpass:
		b[0], b[1], b[2] = 1-alpha, -2*c, 1+alpha
		byCos[1] = -2
		byAlpha[0], byAlpha[2] = -1, 1
	case peaking:
		k.p = [6]float64{1 + alpha*a, -2 * c, 1 - alpha*a, 1 + alpha/a, -2 * c, 1 - alpha/a}
		k.byCos = [6]float64{0, -2, 0, 0, -2, 0}
		k.byAlpha = [6]float64{a, 0, -a, 1 / a, 0, -1 / a}
		k.byAmp = [6]float64{alpha, 0, -alpha, -alpha / (a * a), 0, alpha / (a * a)}
	case lowShelf, highShelf:
		k.shelf(kind)
	}
}

// shelf writes the low shelf; the high shelf is its mirror image, cos w → -cos w
// with the signs of b1 and a1 turned.
func (k *cookbook) shelf(kind rbjKind) {
	a, c := k.amp, k.cos
	if kind == highShelf {
		c = -c
	}
	root := math.Sqrt(a)
	s := 2 * root * k.alpha
	sByAmp := k.alpha / root
	k.p = [6]float64{
		a * (a + 1 - (a-1)*c + s),
		2 * a * (a - 1 - (a+1)*c),
		a * (a + 1 - (a-1)*c - s),
		a + 1 + (a-1)*c + s,
		-2 * (a - 1 + (a+1)*c),
		a + 1 + (a-1)*c - s,
	}
	k.byCos = [6]float64{-a * (a - 1), -2 * a * (a + 1), -a * (a - 1), a - 1, -2 * (a + 1), a - 1}
	k.byAlpha = [6]float64{2 * a * root, 0, -2 * a * root, 2 * root, 0, -2 * root}
	k.byAmp = [6]float64{
		2*a + 1 - (2*a-1)*c + s + a*sByAmp,
		2 * (2*a - 1 - (2*a+1)*c),
		2*a + 1 - (2*a-1)*c - s - a*sByAmp,
		1 + c + sByAmp,
		-2 * (1 + c),
		1 + c - sByAmp,
	}
	if kind == highShelf {
		for _, v := range []*[6]float64{&k.p, &k.byCos, &k.byAlpha, &k.byAmp} {
			v[1], v[4] = -v[1], -v[4]
		}
		for i := range k.byCos {
			k.byCos[i] = -k.byCos[i]
		}
	}
}
