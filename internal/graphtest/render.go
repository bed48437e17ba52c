package graphtest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"ampfit/internal/resample"
)

// ErrChannels says that channel counts do not fit together.
var ErrChannels = errors.New("channel counts do not fit together")

// ports lists the audio inputs of the node types that the evaluator knows.
func ports(nodeType string) []string {
	switch nodeType {
	case "InputNode", "ConstantNode", "SineOscillatorNode":
		return nil
	case "DryWetNode":
		return []string{"dry", "wet"}
	}
	return []string{"in"}
}

// Result is what a graph sounds like.
type Result struct {
	Output  [][]float64          // batches × channels rows of Frames frames, latency and all
	Heat    map[string][]float64 // joules, by node and batch
	Clamped int                  // frames at which a modulated parameter left its range
}

// Render evaluates the graph.
func (s *Spec) Render() (*Result, error) {
	t, err := s.timing()
	if err != nil {
		return nil, err
	}
	channels, err := s.channels()
	if err != nil {
		return nil, err
	}
	r := &Result{Heat: map[string][]float64{}}
	for b := range s.Batches {
		e := &evaluator{Spec: s, t: t, channels: channels, batch: b, nodes: map[string]*memory{}}
		for _, n := range s.Nodes {
			e.nodes[n.Name] = newMemory(n, channels[n.Name])
		}
		for frame := range s.Frames {
			for _, n := range s.Nodes {
				e.node(n, frame)
			}
		}
		r.Output = append(r.Output, e.nodes[s.Output].out...)
		for _, n := range s.Nodes {
			r.Heat[n.Name] = append(r.Heat[n.Name], e.nodes[n.Name].heat)
		}
		r.Clamped += e.clamped
	}
	return r, nil
}

// channels counts the channels of every node's output: the least numbers that
// agree with the edges, found by growing from nothing.
func (s *Spec) channels() (map[string]int, error) {
	out := map[string]int{}
	for range 4 * (len(s.Nodes) + len(s.Edges) + 1) {
		settled := true
		for _, n := range s.Nodes {
			c, waits := 1, false
			for _, port := range ports(n.Type) {
				k, linked := s.arriving(n, port, out)
				waits = waits || linked && k == 0
				c = max(c, k)
			}
			switch {
			case n.Type == "InputNode":
				c = len(s.Input)
			case n.Type == "MixNode":
				c = 1
			case waits:
				c = out[n.Name]
			}
			if c != out[n.Name] {
				out[n.Name], settled = c, false
			}
		}
		if settled {
			return out, s.fits(out)
		}
	}
	return nil, ErrChannels
}

// arriving counts the channels at a port.
func (s *Spec) arriving(n *Node, port string, out map[string]int) (channels int, linked bool) {
	for _, e := range s.into(n, port, "") {
		linked = true
		c := out[e.Source]
		if e.Channel >= 0 {
			c = min(c, 1)
		}
		if n.Sum {
			channels = max(channels, c)
		} else {
			channels += c
		}
	}
	return channels, linked
}

// fits checks that every port brings one channel or as many as the others.
func (s *Spec) fits(out map[string]int) error {
	if slices.ContainsFunc(s.Edges, func(e *Edge) bool { return e.Channel >= out[e.Source] }) {
		return ErrChannels
	}
	for _, n := range s.Nodes {
		if out[n.Name] == 0 {
			return ErrChannels
		}
		for _, port := range ports(n.Type) {
			k, linked := s.arriving(n, port, out)
			if n.Type != "MixNode" && linked && k != 1 && k != out[n.Name] {
				return ErrChannels
			}
			if !n.Sum {
				continue
			}
			for _, e := range s.into(n, port, "") {
				if c := out[e.Source]; e.Channel < 0 && c != 1 && c != k {
					return ErrChannels
				}
			}
		}
	}
	return nil
}

// into lists the edges that end at a port or a parameter of a node.
func (s *Spec) into(n *Node, port, param string) []*Edge {
	var edges []*Edge
	for _, e := range s.Edges {
		if e.Target == n.Name && e.Port == port && e.Param == param {
			edges = append(edges, e)
		}
	}
	return edges
}

// evaluator renders one batch.
type evaluator struct {
	*Spec
	t        *timing
	channels map[string]int
	batch    int
	nodes    map[string]*memory
	clamped  int
}

// memory is all that a node has seen and made so far.
type memory struct {
	out    [][]float64            // by channel, at the graph's rate
	fast   [][]float64            // the kernel's output at its own rate
	heard  map[string][][]float64 // by port and channel, at the graph's rate
	inputs map[string][][]float64 // the same at the kernel's rate
	mods   map[*Edge][][]float64  // modulators, by lane, at the graph's rate
	state  [][]float64            // by channel
	lines  [][]float64            // delay lines, by channel
	heat   float64
	taps   []float64
}

func newMemory(n *Node, channels int) *memory {
	m := &memory{heard: map[string][][]float64{}, inputs: map[string][][]float64{}, mods: map[*Edge][][]float64{}}
	m.out, m.fast, m.state, m.lines = make([][]float64, channels), make([][]float64, channels), make([][]float64, channels), make([][]float64, channels)
	for c := range m.state {
		m.state[c] = make([]float64, 2)
	}
	if n.Oversample > 1 {
		m.taps = resample.Design(n.Oversample, resample.Standard)
	}
	return m
}

// node makes frame n of a node, after all that it needs of other nodes.
func (e *evaluator) node(n *Node, frame int) {
	m := e.nodes[n.Name]
	if len(m.out[0]) > frame {
		return
	}
	for _, port := range ports(n.Type) {
		m.heard[port] = e.gather(n, port, frame, m.heard[port])
	}
	for _, edge := range e.Edges {
		if edge.Target == n.Name && edge.Param != "" {
			rows := m.mods[edge]
			if rows == nil {
				rows = make([][]float64, e.channels[n.Name])
			}
			for c := range rows {
				rows[c] = append(rows[c], e.read(edge, pick(edge, c, e.channels[edge.Source]), frame))
			}
			m.mods[edge] = rows
		}
	}
	for k := range n.Oversample {
		e.kernel(n, m, frame, k)
	}
	for c := range m.out {
		m.out[c] = append(m.out[c], e.down(n, m, c, frame))
	}
}

// pick is the channel of the source that channel c of a reader hears.
func pick(edge *Edge, c, channels int) int {
	if edge.Channel >= 0 {
		return edge.Channel
	}
	return min(c, channels-1)
}

// read is what an edge shows at a frame: the source R frames ago, zero before.
func (e *evaluator) read(edge *Edge, channel, frame int) float64 {
	at := frame - e.t.r[edge]
	if at < 0 {
		return 0
	}
	if at == frame {
		e.node(e.Node(edge.Source), frame)
	}
	return e.nodes[edge.Source].out[channel][at]
}

// gather appends a frame of every channel of a port: the channels of its edges
// side by side, or their sum; one channel feeds all.
func (e *evaluator) gather(n *Node, port string, frame int, rows [][]float64) [][]float64 {
	var values []float64
	edges := e.into(n, port, "")
	arriving, _ := e.arriving(n, port, e.channels)
	if n.Sum {
		values = make([]float64, max(arriving, 1))
		for c := range values {
			for _, edge := range edges {
				values[c] += e.read(edge, pick(edge, c, e.channels[edge.Source]), frame)
			}
		}
	} else {
		for _, edge := range edges {
			if edge.Channel >= 0 {
				values = append(values, e.read(edge, edge.Channel, frame))
				continue
			}
			for c := range e.channels[edge.Source] {
				values = append(values, e.read(edge, c, frame))
			}
		}
	}
	if len(values) == 0 {
		values = []float64{0}
	}
	for n.Type != "MixNode" && len(values) < e.channels[n.Name] {
		values = append(values, values[0]) // mono to many
	}
	if rows == nil {
		rows = make([][]float64, len(values))
	}
	for c, v := range values {
		rows[c] = append(rows[c], v)
	}
	return rows
}

// up is the sample at k of r between graph frames of a row: zeros in between,
// then the low-pass.
func up(row []float64, taps []float64, r, frame, k int) float64 {
	if r == 1 {
		return row[frame]
	}
	sum := 0.0
	at := frame*r + k
	for i, h := range taps {
		if j := at - i; j >= 0 && j%r == 0 {
			sum += float64(r) * h * row[j/r]
		}
	}
	return sum
}

// down is a frame of the output: the low-pass, then one of r samples; what the
// kernel's own delay lacks to a whole frame is waited for.
func (e *evaluator) down(n *Node, m *memory, c, frame int) float64 {
	r := n.Oversample
	if r == 1 {
		return m.fast[c][frame]
	}
	wait := (r - e.kernelDelay(n)%r) % r
	if n.Type == "SineOscillatorNode" && !e.fed(n) {
		wait = 1 - r // it advances, then reads: the last of r samples has the phase of the frame
	}
	sum := 0.0
	for i, h := range m.taps {
		if j := frame*r - wait - i; j >= 0 {
			sum += h * m.fast[c][j]
		}
	}
	return sum
}

// kernel makes sample k of a frame at the kernel's rate on all channels.
func (e *evaluator) kernel(n *Node, m *memory, frame, k int) {
	energyIn, energyOut := 0.0, 0.0
	late := frame*n.Oversample + k - e.kernelDelay(n)
	for _, port := range ports(n.Type) {
		if m.inputs[port] == nil {
			m.inputs[port] = make([][]float64, len(m.heard[port]))
		}
		for c, row := range m.heard[port] {
			m.inputs[port][c] = append(m.inputs[port][c], up(row, m.taps, n.Oversample, frame, k))
			if late >= 0 {
				energyIn += m.inputs[port][c][late] * m.inputs[port][c][late]
			}
		}
	}
	for c := range m.fast {
		known := map[string]float64{}
		p := func(name string) float64 {
			if _, ok := known[name]; !ok {
				known[name] = e.param(n, m, name, c, frame, k)
			}
			return known[name]
		}
		x := func(port string) float64 { row := m.inputs[port][c]; return row[len(row)-1] }
		y := e.formula(n, m, c, frame, k, p, x)
		m.fast[c] = append(m.fast[c], y)
		energyOut += y * y
	}
	m.heat += math.Abs(energyIn-energyOut) / (e.Rate * float64(n.Oversample))
}

// spec of the parameters that the random graphs use: default and range.
var params = map[string]map[string][3]float64{
	"ConstantNode":       {"value": {0, -1e6, 1e6}},
	"SineOscillatorNode": {"frequency": {440, 0, 0.5}, "amplitude": {0.5, 0, 10}, "phase": {0, 0, 0}},
	"GainNode":           {"gain": {1, -100, 100}},
	"OnePoleNode":        {"cutoff_hz": {1000, 10, 0.49}},
	"TanhNode":           {"drive": {1, 0.01, 1000}, "bias": {0, -5, 5}, "level": {1, 0, 10}},
	"HardClipNode":       {"drive": {1, 0.01, 1000}, "threshold": {1, 0.001, 10}},
	"DryWetNode":         {"mix": {0.5, 0, 1}},
	"QuantizerNode":      {"bits": {16, 1, 24}},
	"DelayNode":          {"time_ms": {0, 0, 2000}, "feedback": {0, -0.999, 0.999}, "mix": {1, 0, 1}},
}

// param is the value of a parameter: base, then the modulators in file order,
// each once it is visible, then the range.
func (e *evaluator) param(n *Node, m *memory, name string, c, frame, k int) float64 {
	spec := params[n.Type][name]
	if spec[2] == 0.49 || spec[2] == 0.5 { // of the kernel's rate
		spec[2] *= e.Rate * float64(n.Oversample)
	}
	p := spec[0]
	if v, ok := n.Params[name]; ok {
		p = v[min(e.batch, len(v)-1)]
	}
	modulated := false
	for _, edge := range e.into(n, "", name) {
		modulated = true
		if frame < e.t.r[edge] {
			continue
		}
		v := edge.Scale * up(m.mods[edge][c], m.taps, n.Oversample, frame, k)
		if edge.Multiply {
			p *= v
		} else {
			p += v
		}
	}
	if modulated && (p < spec[1] || p > spec[2]) {
		e.clamped++
		return math.Min(math.Max(p, spec[1]), spec[2])
	}
	return p
}

// formula is what each node type computes.
func (e *evaluator) formula(n *Node, m *memory, c, frame, k int, p func(string) float64, x func(string) float64) float64 {
	rate := e.Rate * float64(n.Oversample)
	z := m.state[c]
	switch n.Type {
	case "InputNode":
		if frame < len(e.Input[c]) {
			return e.Input[c][frame]
		}
		return 0
	case "ConstantNode":
		return p("value")
	case "SineOscillatorNode":
		z[0] = math.Mod(z[0]+p("frequency")/rate, 1)
		return p("amplitude") * math.Sin(2*math.Pi*(z[0]+p("phase")))
	case "GainNode":
		return p("gain") * x("in")
	case "OnePoleNode":
		z[0] += (1 - math.Exp(-2*math.Pi*p("cutoff_hz")/rate)) * (x("in") - z[0])
		return z[0]
	case "TanhNode":
		return p("level") * (math.Tanh(p("drive")*x("in")+p("bias")) - math.Tanh(p("bias")))
	case "HardClipNode":
		return math.Min(math.Max(p("drive")*x("in"), -p("threshold")), p("threshold"))
	case "DryWetNode":
		return (1-p("mix"))*x("dry") + p("mix")*x("wet")
	case "MixNode":
		sum := 0.0
		for _, row := range m.inputs["in"] {
			sum += row[len(row)-1]
		}
		return sum
	case "QuantizerNode":
		steps := math.Pow(2, p("bits")-1)
		return math.Round(x("in")*steps) / steps
	case "LookaheadNode":
		row := m.inputs["in"][c]
		if at := len(row) - 1 - e.kernelDelay(n); at >= 0 {
			return row[at]
		}
		return 0
	case "DelayNode": // time_ms of two frames or more
		t := p("time_ms") * rate / 1000
		whole := math.Floor(t)
		past := func(k int) float64 {
			if at := len(m.lines[c]) - k; at >= 0 {
				return m.lines[c][at]
			}
			return 0
		}
		tap := (1-(t-whole))*past(int(whole)) + (t-whole)*past(int(whole)+1)
		m.lines[c] = append(m.lines[c], x("in")+p("feedback")*tap)
		return (1-p("mix"))*x("in") + p("mix")*tap
	}
	panic(fmt.Sprintf("graphtest: no formula for %s", n.Type))
}
