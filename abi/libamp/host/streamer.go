package host

import (
	"sync"
	"time"

	"ampfit/abi"
)

// Streamer renders a runtime block by block in a goroutine of its own into a
// ring that a host reads. A block for which the ring has no room goes to the
// dump queue whole; when that holds dumpLimit values too, the streamer waits.
type Streamer struct {
	runtime  *Runtime
	control  []byte
	rate     float64
	block    int
	expected int64

	mu                             sync.Mutex
	room                           *sync.Cond
	ring                           []float64 // frame by frame: batches × channels values each
	head                           int       // of the ring's oldest frame
	used, capacity                 int       // frames
	stride, channels               int
	dumps                          []Dump
	dumped                         int // values in dumps
	produced, consumed, read       int64
	loops                          int64
	running, stopping              bool
	status                         abi.Code
	began                          time.Time
	lastMade, lastRead, lastDumped time.Time
	done                           chan struct{}
}

// Dump is a block that the ring had no room for.
type Dump struct {
	Frame  int64 // of its first
	Frames int
	Data   []float64
}

const dumpLimit = 1 << 24

// NewStreamer makes a streamer; frames is the number that a host waits for, 0
// for any. Sizes of 0 are chosen.
func NewStreamer(r *Runtime, control []byte, frames int, rate float64, ring, block int) (*Streamer, error) {
	if ring <= 0 {
		ring = block
	}
	if ring <= 0 {
		ring = 1024
	}
	if block <= 0 {
		block = max(ring/2, 1)
	}
	if need := 8 * float64(ring) * float64(r.batches); need > float64(limit())/2 {
		return nil, fault(abi.EInvalidArg, "a ring of %d frames in %d batches needs %.1f GiB of memory; make it smaller", ring, r.batches, need/(1<<30))
	}
	if _, err := parseHistory(control); err != nil {
		return nil, err
	}
	if err := r.Configure(r.batches, block); err != nil {
		return nil, err
	}
	now := time.Now()
	s := &Streamer{runtime: r, control: control, rate: rate, block: block, expected: int64(max(frames, 0)), capacity: ring, lastMade: now, lastRead: now, lastDumped: now}
	s.room = sync.NewCond(&s.mu)
	return s, nil
}

// Start begins to render; it does nothing while it runs.
func (s *Streamer) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return
	}
	now := time.Now()
	s.running, s.stopping, s.done = true, false, make(chan struct{})
	s.began, s.lastMade, s.lastRead, s.lastDumped = now, now, now, now
	go s.run(s.done)
}

// Stop ends rendering and waits for it; what the ring holds goes to the dumps.
func (s *Streamer) Stop() {
	s.mu.Lock()
	done := s.done
	s.stopping = true
	s.room.Broadcast()
	s.mu.Unlock()
	if done != nil {
		<-done
	}
}

func (s *Streamer) run(done chan struct{}) {
	defer close(done)
	defer func() {
		if recover() != nil { // a goroutine of ours must not end the host
			s.mu.Lock()
			s.status, s.running = abi.EInternal, false
			s.mu.Unlock()
		}
	}()
	for {
		s.mu.Lock()
		s.loops++
		for !s.stopping && s.dumped > dumpLimit {
			s.room.Wait()
		}
		if s.stopping {
			s.flush()
			s.running = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.runtime.SetRate(s.rate)
		y, channels, frames, err := s.runtime.Execute(s.control, s.block)
		s.mu.Lock()
		if err != nil {
			s.status, s.running = CodeOf(err), false
			s.mu.Unlock()
			return
		}
		if 8*float64(s.capacity)*float64(len(y)/frames) > float64(limit()) {
			s.status, s.running = abi.EInvalidArg, false
			s.mu.Unlock()
			return
		}
		s.put(y, channels, frames)
		s.mu.Unlock()
	}
}

// put takes a block (batch, channel, frame) in, frame by frame.
func (s *Streamer) put(y []float64, channels, frames int) {
	if s.ring == nil {
		s.channels, s.stride = channels, len(y)/frames
		s.ring = make([]float64, s.capacity*s.stride)
	}
	data := make([]float64, len(y))
	for i, v := range y {
		data[i%frames*s.stride+i/frames] = v
	}
	if s.used+frames <= s.capacity && len(s.dumps) == 0 {
		at := (s.head + s.used) % s.capacity
		n := copy(s.ring[at*s.stride:], data)
		copy(s.ring, data[n:])
		s.used += frames
	} else {
		s.dumps = append(s.dumps, Dump{s.produced, frames, data})
		s.dumped += len(data)
	}
	s.produced += int64(frames)
	s.lastMade = time.Now()
}

// flush moves the ring to the front of the dumps.
func (s *Streamer) flush() {
	if s.used == 0 {
		return
	}
	d := Dump{s.read, s.used, make([]float64, s.used*s.stride)}
	s.take(d.Data)
	s.dumps = append([]Dump{d}, s.dumps...)
	s.dumped += len(d.Data)
}

// take moves the oldest frames of the ring out.
func (s *Streamer) take(dst []float64) {
	n := copy(dst, s.ring[s.head*s.stride:])
	copy(dst[n:], s.ring)
	frames := len(dst) / s.stride
	s.head, s.used, s.read = (s.head+frames)%s.capacity, s.used-frames, s.read+int64(frames)
}

// Read moves up to limit frames of the ring into dst, if that has room for so
// many values, and returns their number and that of the first.
func (s *Streamer) Read(dst func(values int) []float64, limit int) (frames, channels int, first int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == 0 && len(s.dumps) > 0 && s.dumps[0].Frames <= s.capacity { // for hosts that never look at dumps
		d := s.dumps[0]
		s.dumps, s.dumped = s.dumps[1:], s.dumped-len(d.Data)
		s.head, s.used, s.read = 0, d.Frames, d.Frame
		copy(s.ring, d.Data)
		s.room.Broadcast()
	}
	first, frames = s.read, min(limit, s.used)
	if frames > 0 {
		s.take(dst(frames * s.stride))
		s.consumed += int64(frames)
		s.lastRead = time.Now()
	}
	return frames, s.channels, first
}

// Pop moves the oldest dump into dst. With room for fewer frames it stays, and
// short is true.
func (s *Streamer) Pop(dst func(values int) []float64, limit int) (frames, channels int, first int64, short bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dumps) == 0 {
		return 0, s.channels, s.produced, false
	}
	d := s.dumps[0]
	if limit < d.Frames {
		return d.Frames, s.channels, d.Frame, true
	}
	copy(dst(len(d.Data)), d.Data)
	s.dumps = s.dumps[1:]
	s.dumped -= len(d.Data)
	s.read = max(s.read, d.Frame+int64(d.Frames))
	s.consumed += int64(d.Frames)
	s.lastDumped, s.lastRead = time.Now(), time.Now()
	s.room.Broadcast()
	return d.Frames, s.channels, d.Frame, false
}

// StreamState is where a streamer stands.
type StreamState struct {
	Produced, Consumed, Expected, Loops int64
	Ring, Capacity, Dumps               int
	Elapsed, Made, Read, Dumped         time.Duration // since start and since each
	Running                             bool
	Status                              abi.Code
}

// State returns where the streamer stands.
func (s *Streamer) State() StreamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := StreamState{
		Produced: s.produced, Consumed: s.consumed, Expected: s.expected, Loops: s.loops, Ring: s.used, Capacity: s.capacity, Dumps: len(s.dumps),
		Made: time.Since(s.lastMade), Read: time.Since(s.lastRead), Dumped: time.Since(s.lastDumped), Running: s.running, Status: s.status,
	}
	if !s.began.IsZero() {
		x.Elapsed = time.Since(s.began)
	}
	return x
}
