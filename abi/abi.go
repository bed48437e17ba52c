// Package abi is the contract between node types and the runtimes that run
// them: what a node type says of itself, what a kernel call sees, and the
// registry from which the command line, the JSON Schema, the conformance suite
// and the C interface are fed.
//
// A node type is one [NodeType] value, registered once. It describes ports,
// parameters and the sizes of its memory; its kernels are plain functions over
// a [Block] of lanes and own no memory themselves:
//
//	           ┌───────────────── Block ─────────────────┐
//	inputs ──► │ lane 0   in … params, state, record … out │ ──► outputs
//	           │ lane 1   in … params, state, record … out │
//	           └───────────────────────────────────────────┘
//
// A lane is one (batch, channel), or one batch with all its channels for types
// that couple channels. The backward kernel is handed a second block of the
// same shape, the dual, that holds gradients in the place of values.
package abi

import (
	"fmt"
	"slices"
)

// Code is a status of the C interface.
type Code int32

// The codes of the C interface.
const (
	OK           Code = 0
	EInvalidArg  Code = -1
	EShape       Code = -2
	EUnknownNode Code = -3
	EUnsupported Code = -4
	EPending     Code = -5
	EInternal    Code = -6
)

// Error is an error of [NodeType.Configure] about one place of a node.
type Error struct {
	Path string // below the node: "config.bands", "params.gain_db", "in"; empty for the node itself
	Msg  string
}

// Error returns the message without the path; the loader knows the place.
func (e *Error) Error() string { return e.Msg }

// Errorf returns an [Error] for the place path below the node.
func Errorf(path, format string, args ...any) error {
	return &Error{Path: path, Msg: fmt.Sprintf(format, args...)}
}

// NodeType describes one type of node. Fields left zero mean: none.
type NodeType struct {
	Name    string   // as graph files spell it, e.g. "OnePoleNode"
	Aliases []string // other accepted spellings
	Family  string   // chapter of the node reference: Sources, Filters, Nonlinear, …
	Doc     string   // one sentence
	Detail  string   // recurrence, conventions, kinks and the slope taken there
	Source  string   // literature
	Example string   // members of a node that runs, where the defaults do not: `"config": {"file": "a.wav"}`

	Inputs, Outputs []string // port names; the first ones are the defaults
	Params          []Param
	Config          []Key

	// Open types take any number as a parameter, as graph files give it: those
	// of libraries that do not describe theirs.
	Open bool

	// Coupled types see all channels of a batch in one lane (InCh, OutCh);
	// without it a lane is one channel and every port has the same channels.
	Coupled bool
	// External rows are filled by the runtime: the graph's dry input.
	External bool
	// Advances says that a source moves on before it reads: frame n holds the
	// phase at the end of the frame. Oversampled, it then keeps that instant.
	Advances bool
	// Delay is the measured delay in frames at the kernel's rate.
	Delay int
	// Wave is the shape, within ±1 over a phase in cycles, of what the node moves
	// by its parameters of the roles Rate, Depth and Phase; nil, or nil for a
	// configuration, where nothing moves or the shape has jumps.
	Wave func(c Config) func(phase float64) float64

	State        int   // float64 per lane: values that are no samples of a row
	Record       int   // rows per lane that Forward writes and Backward is handed
	Coefs        int   // float64 per lane that Prepare fills from held parameters
	Scratch      int   // float64 per lane, undefined at each call
	FrameScratch int   // float64 per lane and frame, undefined at each call
	InHistory    int   // past frames of its input rows that the kernels read
	Internal     []int // rows of its own, with so many past frames each

	// OwnHeat types add their dissipated energy to Heat; for the others the
	// runtime integrates | ‖x‖² − ‖y‖² | dt.
	OwnHeat bool

	// Residual is the unit in which kernels that solve an implicit equation
	// report what is left of it ([Block.NoteResidual]); empty: they solve none.
	// Above ResidualLimit a run has not converged.
	Residual      string
	ResidualLimit float64

	// Configure refines the constants above where they follow from
	// configuration, rate or channel counts. It must be a pure function.
	Configure func(s *Setup) error

	// Prepare fills Coefs. It is called for a lane before Forward whenever
	// held parameters changed; kernels use Coefs only while b.Held() is true.
	Prepare func(b *Block)

	// Forward reads inputs, parameters and state, and writes outputs, state
	// and record, for any number of frames ≥ 1. It never allocates.
	Forward func(b *Block)

	// Backward sees the block as it was (In, Out, Param, Record, Coefs,
	// Before) and in d the gradients of the outputs and of the state after
	// the call. It adds to the gradients of inputs, parameters and internal
	// rows, and replaces d.State by the gradient of the state before.
	Backward func(b, d *Block)

	// Tangent sees the block like Backward and in t the tangents of inputs,
	// parameters and of the state before; it writes the tangents of the
	// outputs and replaces t.State by the tangent of the state after.
	Tangent func(b, t *Block)

	// Second does what Backward does in d, and in dt the derivative of that
	// along the tangents t: dt comes with the tangents of the gradients of
	// outputs and of the state after, is added to for inputs, parameters and
	// internal rows, and leaves that of the state before. Hessian–vector
	// products are exact where every type has it. b.Before and t.Before hold
	// the states before the call.
	Second func(b, t, d, dt *Block)

	// Kernel names the kernel that a family of types shares: while no parameter
	// varies, their lanes may stand in one cohort, so the cohort kernels then
	// use Coefs and Params only, not Data. Empty: the type's own.
	Kernel string

	// CohortForward and CohortBackward are optional fast kernels, equal to
	// the plain ones to rounding, with the same bits for any number of lanes.
	// Where they exist they are always used.
	CohortForward  func(b *Block)
	CohortBackward func(b, d *Block)
}

// Scale says how a parameter is learned and drawn.
type Scale int

// The scales.
const (
	Linear Scale = iota
	Log
	Periodic // unbounded, equal modulo 1
)

// String returns the spelling of graph files.
func (s Scale) String() string { return [...]string{"linear", "log", "periodic"}[s] }

// Param describes a parameter.
type Param struct {
	Name, Unit, Doc string
	Role            Role // what it is; analysis and search ask for it
	Default         float64
	Defaults        []float64 // of a vector, when they differ
	Min, Max        float64
	MaxRate         float64 // when not 0, the maximum is MaxRate times the kernel's rate
	Scale           Scale
	Mod             bool // an edge may modulate it, per frame
	Vector          bool // its length is fixed by Configure (Len)
	Len             int  // of a vector
	// NoGradient parameters are values (stage lengths, switches) whose
	// gradient is zero by definition; they are never learned.
	NoGradient bool
	// Held parameters are learned only where a file marks them or somebody names
	// them: those that seldom differ from their default, such as the state before
	// the first frame. Setup.Hold adds those without effect in a configuration.
	Held bool
}

// Kind is the type of a configuration value.
type Kind int

// The kinds, with the Go type that Config holds.
const (
	String  Kind = iota // string
	Int                 // float64, integral
	Number              // float64
	Bool                // bool
	Numbers             // []float64
	Pairs               // [][2]float64
	File                // string, a path relative to the graph file
	Strings             // []string
)

// Key describes a configuration key.
type Key struct {
	Name, Doc string
	Kind      Kind
	Default   any      // nil: absent
	Enum      []string // allowed strings
	Min, Max  float64  // of numbers; equal: unbounded
}

// Config holds configuration values under their keys, defaults filled in.
type Config map[string]any

// Has reports whether key has a value.
func (c Config) Has(key string) bool { v, ok := c[key]; return ok && v != nil }

// Int returns an integer value, 0 when absent.
func (c Config) Int(key string) int { return int(c.Number(key)) }

// Number returns a number, 0 when absent.
func (c Config) Number(key string) float64 {
	switch v := c[key].(type) {
	case float64:
		return v
	case int:
		return float64(v)
	}
	return 0
}

// Text returns a string, "" when absent.
func (c Config) Text(key string) string { v, _ := c[key].(string); return v }

// Bool returns a truth value, false when absent.
func (c Config) Bool(key string) bool { v, _ := c[key].(bool); return v }

// Numbers returns a list of numbers, nil when absent.
func (c Config) Numbers(key string) []float64 { v, _ := c[key].([]float64); return v }

// Pairs returns a list of pairs, nil when absent.
func (c Config) Pairs(key string) [][2]float64 { v, _ := c[key].([][2]float64); return v }

// Strings returns a list of strings, nil when absent.
func (c Config) Strings(key string) []string { v, _ := c[key].([]string); return v }

// Audio is a sound that a configuration key names.
type Audio struct {
	Rate float64
	Rows [][]float64 // one per channel
}

// Setup is what Configure sees and sets. The embedded fields start as the
// type's constants.
type Setup struct {
	Node     string  // name of the node
	Rate     float64 // of the kernel, Hz
	Frames   int     // of the whole run, at the kernel's rate; 0 when unknown
	Channels []int   // of each input port
	Config   Config
	// Given reports whether the file sets or modulates a parameter.
	Given func(param string) bool
	// Length returns the number of values the file gives a parameter, 0 for
	// none: a vector's length may follow from its values.
	Length func(param string) int
	// Connected reports whether an audio edge leads to an input port.
	Connected func(port string) bool
	// Audio reads the file that a key of kind File names.
	Audio func(path string) (*Audio, error)
	// Memory is what Data may take, in bytes; 0 when nobody counts.
	Memory int64
	// FirstOnly says that a library's node is called by AMP's first interface
	// where that knows it.
	FirstOnly bool

	Inputs, Outputs []string
	OutChannels     []int // of each output port; nil: as many as the inputs have
	Params          []Param
	Coupled         bool
	Delay           int
	State           int
	Record          int
	Coefs           int
	Scratch         int
	FrameScratch    int
	InHistory       int
	Internal        []int
	Data            any // handed to every kernel call of the node; never written

	// NoBackward says that in this configuration the node has no adjoint,
	// although its type has a Backward.
	NoBackward bool
	// NoSecond says the same of Second.
	NoSecond bool
	// OwnHeat is the type's, or this configuration's.
	OwnHeat bool
	// Surrogate says that Backward and Tangent return a stand-in that the
	// configuration asks for (straight-through), not the derivative. They are
	// still adjoint to each other.
	Surrogate bool
}

// Refuser is the Data of a node that may turn out only while it runs to be
// unable to (AMP_E_UNSUPPORTED). What it refuses is zero from there on, and the
// run names it.
type Refuser interface {
	// Refused reports whether it renders nothing, and whether it has no adjoint.
	Refused() (forward, backward bool)
}

// Param returns a pointer to the parameter of that name, to set its length,
// default or range; it panics when there is none.
func (s *Setup) Param(name string) *Param {
	for i := range s.Params {
		if s.Params[i].Name == name {
			return &s.Params[i]
		}
	}
	panic(fmt.Sprintf("abi: %s has no parameter %q", s.Node, name))
}

// Drop removes a parameter that this configuration does not have.
func (s *Setup) Drop(name string) {
	s.Params = slices.DeleteFunc(s.Params, func(p Param) bool { return p.Name == name })
}

// Hold makes parameters Held that have no effect in this configuration.
func (s *Setup) Hold(names ...string) {
	for i := range s.Params {
		if slices.Contains(names, s.Params[i].Name) {
			s.Params[i].Held = true
		}
	}
}

// NewSetup returns a Setup that starts with the constants of t. The caller
// fills in node, rate, frames, channels and configuration before Configure.
func NewSetup(t *NodeType) *Setup {
	s := &Setup{
		Inputs: t.Inputs, Outputs: t.Outputs, Coupled: t.Coupled, Delay: t.Delay, OwnHeat: t.OwnHeat,
		State: t.State, Record: t.Record, Coefs: t.Coefs, Scratch: t.Scratch, FrameScratch: t.FrameScratch,
		InHistory: t.InHistory,
		Given:     func(string) bool { return false },
		Length:    func(string) int { return 0 },
		Connected: func(string) bool { return false },
		Audio: func(path string) (*Audio, error) {
			return nil, fmt.Errorf("no files can be read here (%s)", path)
		},
	}
	s.Params = slices.Clone(t.Params)
	s.Internal = slices.Clone(t.Internal)
	return s
}

// Finish runs Configure and completes what it left open: channel counts,
// vector defaults and rate-dependent ranges.
func (s *Setup) Finish(t *NodeType) error {
	if t.Configure != nil {
		if err := t.Configure(s); err != nil {
			return err
		}
	}
	if s.OutChannels == nil {
		most := slices.Max(append([]int{1}, s.Channels...))
		s.OutChannels = slices.Repeat([]int{most}, len(s.Outputs))
	}
	for i := range s.Params {
		p := &s.Params[i]
		if p.MaxRate > 0 && s.Rate > 0 {
			p.Max = p.MaxRate * s.Rate
			p.Default = min(p.Default, p.Max)
		}
		if !p.Vector {
			p.Len = 1
		}
	}
	return nil
}

// Start returns the default values of the parameter, Len of them.
func (p *Param) Start() []float64 {
	v := make([]float64, p.Len)
	for i := range v {
		v[i] = p.Default
		if i < len(p.Defaults) {
			v[i] = p.Defaults[i]
		}
	}
	return v
}
