package abi

// Block is what one kernel call sees: some frames of some lanes. In the dual
// block that Backward is handed, every accessor returns the gradient of what it
// returns in the primal one; in the block of Tangent it returns the tangent.
type Block struct {
	Lanes  int     // accessors take a lane in [0, Lanes)
	Frames int     // at the kernel's rate
	Rate   float64 // of the kernel, Hz
	Data   any     // what Configure left in Setup.Data

	lanes   []Lane
	inBase  []int // index of a port's first row in Lane.In
	outBase []int
	held    bool
}

// Lane is the memory of one lane, as a runtime binds it for one call.
type Lane struct {
	Frame          int64 // absolute number of the first frame, at the kernel's rate
	Batch, Channel int   // Channel is 0 for coupled types
	In, Out        [][]float64
	InPast         [][]float64 // In with InHistory frames in front
	Internal       [][]float64 // each with its history in front
	Record         [][]float64
	Params         []Values
	State, Before  []float64
	Coefs          []float64
	Scratch        []float64
	FrameScratch   []float64
	Heat           []float64 // one value: joules so far, or the gradient of the loss by it
	Residual       []float64 // one value: the worst residual so far; nil: nobody asks
}

// NewBlock returns a block for a runtime to bind. inChannels and outChannels
// are the rows per lane of each port (1 each unless the type is coupled); held
// says that no parameter varies within a block.
func NewBlock(rate float64, data any, inChannels, outChannels []int, held bool) *Block {
	return &Block{Rate: rate, Data: data, inBase: bases(inChannels), outBase: bases(outChannels), held: held}
}

func bases(channels []int) []int {
	base := make([]int, len(channels)+1)
	for i, c := range channels {
		base[i+1] = base[i] + c
	}
	return base
}

// Bind points the block at lanes that are bound for calls of the given number
// of frames.
func (b *Block) Bind(lanes []Lane, frames int) {
	b.lanes, b.Lanes, b.Frames = lanes, len(lanes), frames
}

// In returns the frames of an input port; for coupled types of its channel 0.
func (b *Block) In(port, lane int) []float64 { return b.lanes[lane].In[b.inBase[port]] }

// Out returns the frames of an output port; for coupled types of its channel 0.
func (b *Block) Out(port, lane int) []float64 { return b.lanes[lane].Out[b.outBase[port]] }

// InCh returns the frames of one channel of an input port of a coupled type.
func (b *Block) InCh(port, channel, lane int) []float64 {
	return b.lanes[lane].In[b.inBase[port]+channel]
}

// OutCh returns the frames of one channel of an output port of a coupled type.
func (b *Block) OutCh(port, channel, lane int) []float64 {
	return b.lanes[lane].Out[b.outBase[port]+channel]
}

// InChannels returns the number of rows per lane of an input port.
func (b *Block) InChannels(port int) int { return b.inBase[port+1] - b.inBase[port] }

// OutChannels returns the number of rows per lane of an output port.
func (b *Block) OutChannels(port int) int { return b.outBase[port+1] - b.outBase[port] }

// InPast returns the input row with InHistory past frames in front: frame n−k
// of the block is InPast[InHistory+n−k]. Frames before the run are zero. With
// InHistory 0, as Configure may find, it is the input row.
func (b *Block) InPast(port, channel, lane int) []float64 {
	l := &b.lanes[lane]
	if l.InPast == nil {
		return l.In[b.inBase[port]+channel]
	}
	return l.InPast[b.inBase[port]+channel]
}

// Internal returns internal row i with its history in front. In the dual it
// collects gradients that reach back before the block.
func (b *Block) Internal(i, lane int) []float64 { return b.lanes[lane].Internal[i] }

// Record returns record row i: written by Forward, read by Backward.
func (b *Block) Record(i, lane int) []float64 { return b.lanes[lane].Record[i] }

// Param returns the values of scalar parameter i.
func (b *Block) Param(i, lane int) Values { return b.lanes[lane].Params[i] }

// Params returns the number of parameters of a lane; lanes of types that share
// a kernel may differ in it.
func (b *Block) Params(lane int) int { return len(b.lanes[lane].Params) }

// Vector returns the elements of vector parameter i.
func (b *Block) Vector(i, lane int) []float64 { return b.lanes[lane].Params[i].v }

// State returns the state of a lane: the values before the call, which Forward
// replaces by those after it. In the dual it is the gradient of the state.
func (b *Block) State(lane int) []float64 { return b.lanes[lane].State }

// Before returns the state before the call, in Backward and Tangent.
func (b *Block) Before(lane int) []float64 { return b.lanes[lane].Before }

// Coefs returns what Prepare computed from the held parameters of a lane.
func (b *Block) Coefs(lane int) []float64 { return b.lanes[lane].Coefs }

// Scratch returns working memory of a lane, undefined at the start of a call.
func (b *Block) Scratch(lane int) []float64 { return b.lanes[lane].Scratch }

// FrameScratch returns FrameScratch values per frame, undefined at the start.
func (b *Block) FrameScratch(lane int) []float64 { return b.lanes[lane].FrameScratch }

// Frame returns the absolute number of the block's first frame in that lane,
// at the kernel's rate. Lanes of one call may stand at different frames.
func (b *Block) Frame(lane int) int64 { return b.lanes[lane].Frame }

// Batch and channel of a lane; noise depends on the channel, never on the lane.
func (b *Block) Batch(lane int) int { return b.lanes[lane].Batch }

// Channel returns the channel of a lane, 0 for coupled types.
func (b *Block) Channel(lane int) int { return b.lanes[lane].Channel }

// Held reports that no parameter varies within the block, so Coefs are valid.
func (b *Block) Held() bool { return b.held }

// AddHeat adds joules to the heat of a lane (types with OwnHeat).
func (b *Block) AddHeat(lane int, joules float64) { b.lanes[lane].Heat[0] += joules }

// NoteResidual reports the absolute residual of an implicit equation, of which
// the worst is kept (types with a Residual).
func (b *Block) NoteResidual(lane int, r float64) {
	if worst := b.lanes[lane].Residual; len(worst) > 0 && !(r <= worst[0]) {
		worst[0] = r
	}
}

// Heat returns, in the dual, the gradient of the loss by the lane's heat.
func (b *Block) Heat(lane int) float64 { return b.lanes[lane].Heat[0] }

// Values is a scalar parameter over one block: one held value, or one value
// per frame when an edge modulates it.
type Values struct {
	v    []float64
	mask int // 0: held, -1: per frame
}

// HeldValues makes Values (or a vector) from the parameter's storage.
func HeldValues(v []float64) Values { return Values{v, 0} }

// FrameValues makes Values from one value per frame.
func FrameValues(v []float64) Values { return Values{v, -1} }

// At returns the value at frame n of the block.
func (p Values) At(n int) float64 { return p.v[n&p.mask] }

// Add adds x to the gradient of the value at frame n: to one sum when the
// parameter is held, to the frame's own gradient when it varies.
func (p Values) Add(n int, x float64) { p.v[n&p.mask] += x }

// Varies reports whether there is one value per frame.
func (p Values) Varies() bool { return p.mask != 0 }
