package loss_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/optim/loss"
)

func TestParseNames(t *testing.T) {
	y := noise(4000, 1)
	for _, tc := range []struct{ spec, name string }{
		{"mrstft + 0.1*esr", "mrstft + 0.1*esr"},
		{" 1 * mse+2e-4*mrstft ( ) ", "mse + 0.0002*mrstft"},
		{"1e-7*mse", "1e-07*mse"},
		{"1e+3*mse", "1000*mse"},
		{"esr(pre=0.85)", "esr(pre=0.85)"},
		{"mrstft(512/1024/2048, hop=n/4)", "mrstft(512/1024/2048, hop=n/4)"},
		{"mrstft(512/1024/2048, hop=n/4, win=n)", "mrstft(512/1024/2048, hop=n/4)"},
		{"mrstft(512/1024/2048)", "mrstft(512/1024/2048, hop=n/4)"},
		{"mrstft(1024/2048/512, hop=120/240/50, win=600/1200/240)", "mrstft"},
		{"mrstft(win=n/2)", "mrstft(1024/2048/512, hop=120/240/50, win=512/1024/256)"},
		{"mrstft(512/256, hop=64, lin=0.5, sc=0)", "mrstft(512/256, hop=64/64, sc=0, lin=0.5)"},
		{"stft(1024, hop=256, win=1024)", "stft"},
		{"stft(center=1)", "stft"},
		{"mrstft(512, center=0)", "mrstft(512, hop=n/4, center=0)"},
		{"stft(hop=n/8)", "stft(1024, hop=128)"},
	} {
		l := parse(t, tc.spec, y, 1)
		require.Equal(t, tc.name, l.Name())
		require.Equal(t, tc.name, parse(t, l.Name(), y, 1).Name())
	}
}

func TestParseErrors(t *testing.T) {
	const all = "dc, esr, l1, logcosh, mrstft, mse, sd_sdr, si_sdr, snr, stft"
	y := noise(4000, 1)
	for _, tc := range []struct{ spec, want string }{
		{"", "column 1: found the end; here comes a loss: " + all},
		{"stft(center=2)", "column 13: center is 1, windows around their frames with reflected edges, or 0, windows from the first frame on with zeros after the last"},
		{"mse +", "column 6: found the end; here comes a loss: " + all},
		{"0.1*mrsft", `column 5: there is no loss "mrsft", did you mean mrstft?; there are ` + all},
		{"héllo", `column 1: there is no loss "h"; there are ` + all},
		{"mse esr", `column 5: found "esr"; here comes "+" and another loss, or the end`},
		{"0.1 esr", `column 5: found "esr"; here comes "*" between a weight and its loss`},
		{"-1*esr", "column 1: a weight of -1; it is above 0"},
		{"1.2.3*esr", `column 1: found "1.2.3"; here comes a number`},
		{"esr(per=0.85)", `column 5: esr has no argument "per", did you mean pre?; it has pre`},
		{"esr(per 1)", `column 5: esr has no argument "per", did you mean pre?; it has pre`},
		{"esr(pre 1)", `column 9: found "1"; here comes "=" and the value of pre`},
		{"esr(0.85)", `column 5: found "0.85"; esr takes pre=…`},
		{"esr(pre=0.8/0.9)", "column 9: pre of esr is one number"},
		{"esr(pre=1, pre=1)", "column 12: esr has pre twice"},
		{"esr(pre=0.85", `column 13: found the end; here comes "," and another argument, or ")"`},
		{"dc(1)", `column 4: dc takes no arguments, found "1"`},
		{"stft(512/1024)", "column 6: stft takes one size, this has 2; mrstft takes several"},
		{"stft(n)", "column 6: a size is a number of frames, such as 1024"},
		{"stft(1024, hop=n/3)", "column 16: a hop of 341.3333333333333 frames; it is a whole number from 1 to 16777216"},
		{"stft(1024, hop=n/0)", "column 18: n over 0; it is above 0"},
		{"mrstft(512/256/128, hop=1/2)", "column 25: 2 values of hop for 3 sizes; give one, or one for each"},
		{"stft(sc=0, log=0)", "column 16: sc, log and lin are all 0; one must be above"},
	} {
		_, err := loss.Parse(tc.spec, y, 1, rate)
		require.EqualError(t, err, "loss: "+tc.want, tc.spec)
	}
}

// Whatever is parsed has a name that is parsed again, to a loss of the same
// name and value.
func FuzzParse(f *testing.F) {
	for _, spec := range specs {
		f.Add(spec)
	}
	f.Add("mrstft(512/1024/2048, hop=n/4, win=n)")
	f.Add("1e-3*stft(16,hop=1e1,win=n/2,lin=.5)+mse")
	x, y := noise(200, 1), noise(200, 2)
	f.Fuzz(func(t *testing.T, spec string) {
		l, err := loss.Parse(spec, y, 1, rate)
		if err != nil {
			require.Regexp(t, "^loss: ", err.Error())
			return
		}
		again, err := loss.Parse(l.Name(), y, 1, rate)
		require.NoError(t, err, l.Name())
		require.Equal(t, l.Name(), again.Name())
		require.Equal(t, l.Evaluate(nil, x), again.Evaluate(nil, x))
	})
}
