package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"strings"

	"ampfit/internal/plot"
	"ampfit/internal/wav"
)

// player is a sound on the page.
type player struct {
	Name string
	Note string
	Data template.URL // a 16-bit WAV file
}

// playerSeconds is the length of the players, which hold most of the page.
const playerSeconds = 20

// players encodes the sounds and says in a sentence how their levels relate.
// All are heard at one gain, so that loud and soft compare; only the residual,
// which would often not be heard at all, may be raised, and then says so.
func players(f *Fit) ([]player, string, error) {
	rate := int(math.Round(f.Rate))
	if !(f.Rate >= 3000 && f.Rate <= 768000) || plot.Frames(f.Target) == 0 && plot.Frames(f.Output) == 0 {
		return nil, "", nil // browsers play no other rates
	}
	limit := int(playerSeconds * f.Rate)
	cut := func(rows [][]float64) [][]float64 { return excerpt(rows, limit, int(0.01*f.Rate)) }
	input, target, output := cut(f.Input), cut(f.Target), cut(f.Output)
	residual := difference(output, target)

	// One gain for all: down to -1 dB where something would clip, up to there, by
	// at most 20 dB, where all is below -12 dB.
	loudest := max(peak(input), peak(target), peak(output))
	gain := 1.0
	if loudest > 1 || loudest > 0 && loudest < 0.25 {
		gain = min(10, 0.89/loudest)
	}
	note, extra := "fit − target", 1.0
	if r, t := rms(residual), rms(target); r > 0 && t > 0 {
		note += fmt.Sprintf(", %s dB against the target", signed(decibel(r/t)))
		// As loud as the peaks allow, in steps of 6 dB, at most 60 dB.
		steps := math.Floor(math.Log2(max(peak(target), peak(output)) / peak(residual)))
		if steps = min(10, steps); steps >= 1 {
			extra = math.Exp2(steps)
			note += fmt.Sprintf(", here raised by %s dB", plot.Number(6*steps, 2))
		}
	} else if plot.Frames(residual) > 0 && t > 0 {
		note += ": silent"
	}
	var all []player
	for _, s := range []struct {
		name, note string
		rows       [][]float64
		gain       float64
	}{
		{"Target", f.TargetName, target, gain},
		{"Fit", f.GraphName, output, gain},
		{"Dry", f.InputName, input, gain},
		{"Residual", note, residual, gain * extra},
	} {
		if plot.Frames(s.rows) == 0 {
			continue
		}
		data, err := encode(s.rows, rate, s.gain)
		if err != nil {
			return nil, "", err
		}
		all = append(all, player{s.name, s.note, data})
	}
	return all, playNotes(f, rms(output)/rms(target), gain, limit), nil
}

// playNotes says how loud the fit is against the target, and what of the sounds
// is heard.
func playNotes(f *Fit, ratio, gain float64, limit int) string {
	var notes []string
	if ratio > 0 && !math.IsInf(ratio, 0) {
		d := decibel(ratio)
		switch {
		case math.Abs(d) < 0.05:
			notes = append(notes, "Fit and target have the same level.")
		case d < 0:
			notes = append(notes, fmt.Sprintf("The fit is %s dB quieter than the target.", plot.Number(-d, 2)))
		default:
			notes = append(notes, fmt.Sprintf("The fit is %s dB louder than the target.", plot.Number(d, 2)))
		}
	}
	if gain == 1 {
		notes = append(notes, "All are played as they are.")
	} else {
		notes = append(notes, fmt.Sprintf("All are played at one gain of %s dB.", signed(decibel(gain))))
	}
	if n := max(plot.Frames(f.Target), plot.Frames(f.Output), plot.Frames(f.Input)); n > limit {
		notes = append(notes, fmt.Sprintf("Each is the first %s of %s.", duration(float64(limit)/f.Rate), duration(float64(n)/f.Rate)))
	}
	if n := max(len(f.Target), len(f.Output), len(f.Input)); n > 2 {
		notes = append(notes, fmt.Sprintf("Of %d channels the first two are heard.", n))
	}
	return strings.Join(notes, " ")
}

// excerpt copies the first frames of at most two channels, with zeros for what
// is not finite. A cut ends with a short fade, so that it does not click.
func excerpt(rows [][]float64, limit, fade int) [][]float64 {
	n := min(plot.Frames(rows), limit)
	out := make([][]float64, min(2, len(rows)))
	for c := range out {
		out[c] = make([]float64, n)
		copy(out[c], rows[c])
		for i, x := range out[c] {
			if !finite(x) {
				out[c][i] = 0
			}
		}
		if plot.Frames(rows) > limit {
			for i := range min(fade, n) {
				out[c][n-1-i] *= float64(i) / float64(fade)
			}
		}
	}
	return out
}

func difference(a, b [][]float64) [][]float64 {
	out := make([][]float64, min(len(a), len(b)))
	for c := range out {
		out[c] = make([]float64, min(len(a[c]), len(b[c])))
		for i := range out[c] {
			out[c][i] = a[c][i] - b[c][i]
		}
	}
	return out
}

func encode(rows [][]float64, rate int, gain float64) (template.URL, error) {
	scaled := make([][]float64, len(rows))
	for c, row := range rows {
		scaled[c] = make([]float64, len(row))
		for i, x := range row {
			scaled[c][i] = max(-1, min(1, gain*x))
		}
	}
	var b bytes.Buffer
	if _, err := wav.Encode(&b, rate, scaled, wav.PCM16); err != nil {
		return "", err
	}
	return template.URL("data:audio/wav;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

func peak(rows [][]float64) float64 {
	p := 0.0
	for _, row := range rows {
		for _, x := range row {
			p = max(p, math.Abs(x))
		}
	}
	return p
}

func rms(rows [][]float64) float64 {
	scale := peak(rows)
	if scale == 0 {
		return 0
	}
	sum, n := 0.0, 0
	for _, row := range rows {
		for _, x := range row {
			sum += x / scale * x / scale
		}
		n += len(row)
	}
	return scale * math.Sqrt(sum/float64(n))
}

func decibel(ratio float64) float64 { return 20 * math.Log10(ratio) }

func signed(db float64) string {
	s := strings.ReplaceAll(plot.Number(db, 3), "-", "−")
	if db > 0 {
		return "+" + s
	}
	return s
}
