package arena

// Region is one memory over a layout.
type Region struct {
	data   []float64
	layout *Layout
	dual   bool // rows lie where gradients do
	open   int  // of gradients: frame of the segment down to which they are open
}

// Lay puts the region over a layout, of gradients or of values. It keeps its
// memory; one that is pressed grows by doubling, so that a sequence of slightly
// longer runs does not reallocate each time. What a region of values held is
// cleared. Slices and windows taken before point to the old memory afterwards.
func (m *Region) Lay(l *Layout, dual bool) {
	need := l.values
	if dual {
		need = l.size
	}
	if !dual {
		clear(m.data)
	}
	if need > len(m.data) {
		size := need
		if len(m.data) > 0 {
			size = max(need, 2*len(m.data))
		}
		m.data = make([]float64, size)
	}
	m.layout, m.dual = l, dual
}

// Len returns the float64 that the region holds.
func (m *Region) Len() int { return len(m.data) }

// Clear sets all to zero.
func (m *Region) Clear() { clear(m.data) }

// Cells returns the values of cells.
func (m *Region) Cells(c Cells) []float64 { return m.data[c.at : c.at+c.n : c.at+c.n] }

// Copy copies cells to others.
func (m *Region) Copy(to, from Cells) { copy(m.data[to.at:to.at+to.n], m.data[from.at:from.at+from.n]) }

// Head returns the parameters and what follows from them.
func (m *Region) Head() []float64 { return m.data[:m.layout.head] }

func (m *Region) base(r *Row) int {
	if m.dual {
		return r.dual
	}
	return r.base
}

// Frames returns [s, s+frames) of a row, in graph frames of the segment; s may
// reach into its past.
func (m *Region) Frames(r Row, s, frames int) []float64 {
	lo := m.base(&r) + s*r.mult
	return m.data[lo : lo+frames*r.mult]
}

// Early is Frames, read so many row frames earlier still.
func (m *Region) Early(r Row, s, frames, by int) []float64 {
	lo := m.base(&r) + s*r.mult - by
	return m.data[lo : lo+frames*r.mult]
}

// Window is what a kernel sees of a row, or of scratch space, in a call: it is
// made once, and opened at the frames of each call.
type Window struct {
	base, step, mult, past int
}

// Window returns the window on a row that is read back graph frames late, with
// past row frames in front.
func (m *Region) Window(r Row, back, past int) Window {
	return Window{m.base(&r) - back*r.mult, r.mult, r.mult, past}
}

// Pane returns a window that stays where it is: on cells, so many of them for
// each graph frame of a call, behind past of them.
func Pane(c Cells, perFrame, past int) Window { return Window{c.at + past, 0, perFrame, past} }

// Open returns the window's frames of a call that begins at frame s of the
// segment.
func (m *Region) Open(w *Window, s, frames int) []float64 {
	lo := w.base + s*w.step - w.past
	hi := lo + frames*w.mult + w.past
	return m.data[lo:hi:hi]
}

// Bind opens windows and points slices at what they show.
func (m *Region) Bind(to []Pointer, s, frames int) {
	data := m.data
	for i := range to {
		w := &to[i]
		lo := w.base + s*w.step - w.past
		hi := lo + frames*w.mult + w.past
		*w.To = data[lo:hi:hi]
	}
}

// Pointer is a slice that shows a window.
type Pointer struct {
	To *[]float64
	Window
}

// Restart goes back to the first frame: states and histories are zero.
func (m *Region) Restart() {
	clear(m.data[m.layout.head:m.layout.states])
	for i := range m.layout.rows {
		r := &m.layout.rows[i]
		clear(m.data[r.base-r.past : r.base])
	}
}

// Shift moves the last frames of a segment of so many graph frames in front of
// the rows, for the next one.
func (m *Region) Shift(frames int) {
	if frames == 0 {
		return
	}
	for i := range m.layout.rows {
		r := &m.layout.rows[i]
		if r.past > 0 {
			from := r.base - r.past + frames*r.mult
			copy(m.data[r.base-r.past:r.base], m.data[from:from+r.past])
		}
	}
}

// Snapshot is what the frames from one on depend on: the states, and the frames
// before it that readers still see. The zero value is empty.
type Snapshot struct {
	At   int64 // absolute frame
	Data []float64
}

// Save appends the states and what will be history, frames graph frames into the
// segment, to a snapshot.
func (m *Region) Save(s *Snapshot, frames int) {
	l := m.layout
	k := len(s.Data)
	if n := k + l.SnapshotLen(); n > cap(s.Data) {
		grown := make([]float64, n)
		copy(grown, s.Data)
		s.Data = grown
	} else {
		s.Data = s.Data[:n]
	}
	k += copy(s.Data[k:], m.data[l.head:l.states])
	for i := range l.rows {
		r := &l.rows[i]
		from := r.base - r.past + frames*r.mult
		k += copy(s.Data[k:], m.data[from:from+r.past])
	}
}

// Load puts back what Save appended to a snapshot as its part-th part.
func (m *Region) Load(s *Snapshot, part int) {
	l := m.layout
	src := s.Data[part*l.SnapshotLen():]
	k := copy(m.data[l.head:l.states], src)
	for i := range l.rows {
		r := &l.rows[i]
		k += copy(m.data[r.base-r.past:r.base], src[k:k+r.past])
	}
}
