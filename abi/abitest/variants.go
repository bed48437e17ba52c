package abitest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"

	"ampfit/abi"
)

// variant is one configuration and the parameters that the file gives.
type variant struct {
	name   string
	config abi.Config
	given  map[string]bool
}

// variants lists the default configuration, every other value of each enum and
// bool on its own, and every parameter that exists only when it is given.
func variants(typ *abi.NodeType, more []abi.Config) []variant {
	base := abi.Config{}
	for _, k := range typ.Config {
		if k.Kind == abi.File {
			base[k.Name] = soundFile
		}
	}
	list := []variant{{"default", base, nil}}
	add := func(key string, value any) {
		c := maps.Clone(base)
		c[key] = value
		list = append(list, variant{fmt.Sprintf("%s=%v", key, value), c, nil})
	}
	for _, k := range typ.Config {
		if k.Name == "compat" {
			continue
		}
		for _, value := range k.Enum {
			if value != k.Default {
				add(k.Name, value)
			}
		}
		if k.Kind == abi.Bool {
			add(k.Name, k.Default != true)
		}
	}
	for _, c := range more {
		both := maps.Clone(base)
		maps.Copy(both, c)
		list = append(list, variant{fmt.Sprint(c), both, nil})
	}
	for _, v := range list {
		r, err := v.rig(typ, 1, 1, 2, false)
		if err != nil {
			continue // reported where the variant is used
		}
		has := map[string]bool{}
		for _, p := range r.set.Params {
			has[p.Name] = true
		}
		for _, p := range typ.Params {
			if has[p.Name] || again.MatchString(p.Name) {
				continue
			}
			given := variant{v.name + ", " + p.Name + " given", v.config, map[string]bool{p.Name: true}}
			_, err := given.rig(typ, 1, 1, 2, false)
			if refused := (*abi.Error)(nil); errors.As(err, &refused) && refused.Path == "params."+p.Name {
				continue // by the configuration, which says so
			}
			list = append(list, given)
		}
	}
	return list
}

// rig configures a type; modulated, every parameter that may vary does.
func (v variant) rig(typ *abi.NodeType, channels, frames, batches int, modulated bool) (*rig, error) {
	s := v.spec(typ, channels, frames)
	s.batches = batches
	r, err := newRig(typ, s)
	if err != nil || !modulated {
		return r, err
	}
	s.varies = map[string]bool{}
	for _, p := range r.set.Params {
		s.varies[p.Name] = p.Mod
	}
	return newRig(typ, s)
}

func (v variant) spec(typ *abi.NodeType, channels, frames int) spec {
	s := spec{rate: Rate, frames: frames, given: v.given, config: maps.Clone(v.config)}
	s.audio = map[string]*abi.Audio{soundFile: {Rate: Rate, Rows: [][]float64{Noise(150, 1), Noise(150, 2), Noise(150, 3)}}}
	for range typ.Inputs {
		s.channels = append(s.channels, channels)
	}
	if len(typ.Inputs) == 0 {
		for _, k := range typ.Config {
			if _, set := s.config[k.Name]; k.Name == "channels" && !set {
				s.config[k.Name] = float64(channels)
			}
		}
	}
	return s
}

// again matches the later ones of numbered parameters, which are like the first.
var again = regexp.MustCompile(`_([2-9]|[1-9][0-9]+)$`)

// level is where in their range parameters stand.
type level int

func (l level) String() string {
	return [...]string{"default", "near the minimum", "near the maximum", "between", "at the minimum", "at the maximum"}[l]
}

// point is one place at which a configured node is checked.
type point struct {
	*rig
	name string
	v    *vars
	rng  *rand.Rand
	keep float64 // part of a direction's values that are not zero
}

// at sets a variant up with the given channels, at one level.
func (c *checker) at(v variant, channels, frames int, l level, modulated bool, seed uint64) (*point, bool) {
	r, err := v.rig(c.typ, channels, frames, 2, modulated)
	if err != nil {
		c.fail("Configure", v.name, "%v", err)
		return nil, false
	}
	how := "held"
	if modulated {
		how = "modulated"
	}
	pt := &point{r, fmt.Sprintf("%s, %d channels, parameters %s, %s", v.name, channels, l, how), nil, rand.New(rand.NewPCG(seed, 7)), 1}
	pt.v = r.draw(pt.rng, l)
	return pt, true
}

// draw draws inputs, parameters at a level, and an initial state: one that the
// kernel itself reaches.
func (r *rig) draw(rng *rand.Rand, l level) *vars {
	v := r.zeros()
	for lane := range v.lanes {
		for _, row := range v.lanes[lane].in {
			for n := range row {
				row[n] = rng.NormFloat64()
			}
		}
		for i := range r.set.Params {
			p, values := &r.set.Params[i], v.lanes[lane].params[i]
			start := p.Start()
			wave := 2 * math.Pi * rng.Float64()
			speed := 0.02 + 0.1*rng.Float64()
			for n := range values {
				at := start[0]
				if !r.varies[i] {
					at = start[n]
				}
				x := place(p, at, l, rng, n > 0 && r.varies[i], values)
				if r.varies[i] && l < atMin {
					x = inside(p, x+0.05*unit(p, x)*math.Sin(wave+speed*float64(n)), 1e-4)
				}
				values[n] = x
			}
		}
	}
	if r.set.State > 0 {
		warm := r.newTrace()
		warm.forward(v, []int{r.frames/2 + 1, r.frames}, r.typ.Forward)
		for lane := range v.lanes {
			copy(v.lanes[lane].state, warm.states[len(warm.states)-1][lane])
		}
	}
	return v
}

// place returns a value of the parameter at a level. Differences need room on
// both sides, and a default may sit on a kink, so values are moved off a little.
func place(p *abi.Param, start float64, l level, rng *rand.Rand, again bool, values []float64) float64 {
	lo, hi := p.Min, p.Max
	if p.Scale == abi.Periodic {
		lo, hi = -1.3, 1.7
	}
	at := func(x float64) float64 { // x in [0, 1] over the range
		if p.Scale == abi.Log {
			low := max(lo, 1e-4*hi)
			return low * math.Pow(hi/low, x)
		}
		return lo + x*(hi-lo)
	}
	switch l {
	case atMin:
		return lo
	case atMax:
		return hi
	case nearMin:
		return at(0.005 * (1 + 0.2*once(rng, again)))
	case nearMax:
		return at(1 - 0.005*(1+0.2*once(rng, again)))
	case between:
		if again {
			return values[0]
		}
		return at(0.1 + 0.8*rng.Float64())
	}
	return inside(p, start+0.02*unit(p, start)*once(rng, again), 1e-3*(1+0.3*once(rng, again)))
}

// once returns a random number, or the middle for the later frames of one
// parameter, which move by themselves.
func once(rng *rand.Rand, again bool) float64 {
	if again {
		return 0.5
	}
	return rng.Float64()
}

// unit is the size of a noticeable change of a parameter at x.
func unit(p *abi.Param, x float64) float64 {
	switch p.Scale {
	case abi.Log:
		return math.Abs(x)
	case abi.Periodic:
		return 1
	}
	return max(math.Abs(x), 1e-3*(p.Max-p.Min))
}

// inside moves x into the range, by a part of it.
func inside(p *abi.Param, x, part float64) float64 {
	if p.Scale == abi.Periodic {
		return x
	}
	room := part * (p.Max - p.Min)
	if p.Scale == abi.Log {
		return min(max(x, p.Min*(1+part), 1e-6*p.Max), p.Max*(1-part))
	}
	return min(max(x, p.Min+room), p.Max-room)
}
