package nodes

import (
	"slices"

	"ampfit/abi"
)

func init() { abi.Register(curve) }

// curve is linear in its points: y[n] = Σ_j w_j p_{i+j}, up to four of them, so
// that p̄_{i+j} += w_j ȳ[n].
var curve = abi.NodeType{
	Name: "CurveNode", Family: controlled,
	Doc: "A control curve through points: the way to learn automation.",
	Detail: "Points stand at times, or evenly over the run, the first in its first frame and the last in its last. Before the first point and after the last one their value is held. " +
		"linear connects them, step holds each until the next, cubic is a Hermite curve whose slope at a point is that of the parabola through it and its neighbours (at the ends, of the chord), so it is smooth and moves only near a point.",
	Source:  "C. de Boor, A Practical Guide to Splines, 1978, ch. IV (Bessel's slopes).",
	Outputs: out,
	Params:  []abi.Param{{Name: "points", Role: abi.Table, Default: 0, Min: -1e6, Max: 1e6, Vector: true, Doc: "Values of the curve."}},
	Config: []abi.Key{
		{Name: "times", Kind: abi.Numbers, Doc: "Times of the points in seconds, ascending; absent: evenly over the run."},
		{Name: "points", Kind: abi.Int, Min: 1, Max: 1e6, Doc: "Number of points where there are no times; absent: as many as the parameter has, or 8."},
		{Name: "interp", Kind: abi.String, Default: "linear", Enum: []string{"linear", "cubic", "step"}, Doc: "What lies between the points."},
	},
	Configure: func(s *abi.Setup) error {
		law := &curveLaw{interp: s.Config.Text("interp")}
		count := s.Config.Int("points")
		if count == 0 {
			count = s.Length("points")
		}
		if count == 0 {
			count = 8
		}
		times := s.Config.Numbers("times")
		switch {
		case times != nil:
			if len(times) == 0 {
				return abi.Errorf("config.times", "a curve needs a point")
			}
			for i, t := range times {
				if i > 0 && !(t > times[i-1]) {
					return abi.Errorf("config.times", "%v s does not come after %v s", t, times[i-1])
				}
				law.at = append(law.at, t*s.Rate)
			}
		case s.Frames == 0 && count > 1:
			return abi.Errorf("config", `the length of the run is not known here; give the points "times"`)
		default:
			for i := range count {
				law.at = append(law.at, float64(i)*float64(max(s.Frames-1, 1))/float64(max(count-1, 1)))
			}
		}
		s.Param("points").Len = len(law.at)
		s.Data = law
		return nil
	},
	Forward:  lanes(curveRun),
	Backward: lanePairs(curveBackward),
	Second:   abi.LinearSecond(lanePairs(curveBackward)),
	Tangent:  lanePairs(func(_, t *abi.Block, lane int) { curveRun(t, lane) }),
}

type curveLaw struct {
	at     []float64 // frames of the points
	interp string
}

func (law *curveLaw) read(y, points []float64, frame int64) {
	place := law.from(frame)
	for n := range y {
		i, weights := law.weights(&place, float64(frame+int64(n)))
		sum := 0.0
		for j, w := range weights {
			if w != 0 { // also where there is no such point
				sum += w * points[i+j]
			}
		}
		y[n] = sum
	}
}

// from returns how many points lie at or before a frame.
func (law *curveLaw) from(frame int64) int {
	i, found := slices.BinarySearch(law.at, float64(frame))
	if found {
		i++
	}
	return i
}

// weights returns the weights of points i, i+1, i+2, i+3 at time t; place is
// how many points lie before, and moves on.
func (law *curveLaw) weights(place *int, t float64) (i int, w [4]float64) {
	at := law.at
	for *place < len(at) && at[*place] <= t {
		*place++
	}
	k := *place - 1 // between k and k+1
	switch {
	case k < 0:
		return 0, [4]float64{1}
	case k == len(at)-1 || law.interp == "step":
		return k, [4]float64{1}
	}
	h := at[k+1] - at[k]
	u := (t - at[k]) / h
	if law.interp == "linear" {
		return k, [4]float64{1 - u, u}
	}
	v := 1 - u
	w[1], w[2] = v*v*(1+2*u), u*u*(3-2*u)
	left, right := u*v*v*h, -u*u*v*h // of the slopes at k and k+1
	if k > 0 {
		g := at[k] - at[k-1]
		a, b := g/(h*(g+h)), h/(g*(g+h))
		w[0] -= left * b
		w[1] += left * (b - a)
		w[2] += left * a
	} else {
		w[1] -= left / h
		w[2] += left / h
	}
	if k+2 < len(at) {
		g := at[k+2] - at[k+1]
		a, b := h/(g*(g+h)), g/(h*(g+h))
		w[1] -= right * b
		w[2] += right * (b - a)
		w[3] += right * a
	} else {
		w[1] -= right / h
		w[2] += right / h
	}
	return k - 1, w
}

func curveRun(b *abi.Block, lane int) {
	b.Data.(*curveLaw).read(b.Out(0, lane), b.Vector(0, lane), b.Frame(lane))
}

func curveBackward(b, d *abi.Block, lane int) {
	law := b.Data.(*curveLaw)
	dpoints, place := d.Vector(0, lane), law.from(b.Frame(lane))
	for n, g := range d.Out(0, lane) {
		i, w := law.weights(&place, float64(b.Frame(lane)+int64(n)))
		for j, w := range w {
			if w != 0 {
				dpoints[i+j] += w * g
			}
		}
	}
}
