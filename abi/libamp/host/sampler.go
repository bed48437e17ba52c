package host

import (
	"sync"

	"ampfit/abi"
	"ampfit/adjoint"
)

// stages holds the sounds that hosts stage under the names of sampler nodes,
// for the whole process, as AMP has it.
var stages struct {
	sync.Mutex
	sounds map[string]*Sound
	count  int
}

// Sound is a staged sound and how much of it was played.
type Sound struct {
	Samples  []float64 // frame by frame, channels side by side
	Channels int
	Read     int // frames
	number   int // tells it from others of its name
}

// Frames returns the length of the sound.
func (s *Sound) Frames() int { return len(s.Samples) / s.Channels }

// StageSound stages a sound under a name, from its beginning, and returns the
// one that it takes the place of. The samples stay the caller's memory.
func StageSound(name string, samples []float64, channels int) (was *Sound) {
	stages.Lock()
	defer stages.Unlock()
	if stages.sounds == nil {
		stages.sounds = map[string]*Sound{}
	}
	was = stages.sounds[name]
	stages.count++
	stages.sounds[name] = &Sound{samples, channels, 0, stages.count}
	return was
}

// UnstageSound forgets a sound and returns it; nil when none has the name.
func UnstageSound(name string) *Sound {
	stages.Lock()
	defer stages.Unlock()
	s := stages.sounds[name]
	delete(stages.sounds, name)
	return s
}

// StagedSound returns what is staged under a name.
func StagedSound(name string) (Sound, bool) {
	stages.Lock()
	defer stages.Unlock()
	if s := stages.sounds[name]; s != nil {
		return *s, true
	}
	return Sound{}, false
}

// AdvanceSound moves the place of reading on, at most to the end.
func AdvanceSound(name string, frames int) bool {
	stages.Lock()
	defer stages.Unlock()
	s := stages.sounds[name]
	if s == nil {
		return false
	}
	s.Read = min(s.Frames(), s.Read+max(frames, 0))
	return true
}

// audio is what is left of the sound, by channels.
func (s *Sound) audio(rate float64) *abi.Audio {
	a := &abi.Audio{Rate: rate, Rows: make([][]float64, s.Channels)}
	stages.Lock() // the samples may be given back
	defer stages.Unlock()
	for i, v := range s.Samples[s.Read*s.Channels:] {
		a.Rows[i%s.Channels] = append(a.Rows[i%s.Channels], v)
	}
	if s.Read == s.Frames() { // one silent frame: nothing is no sound
		for c := range a.Rows {
			a.Rows[c] = []float64{0}
		}
	}
	return a
}

// restage gives a sampler what is staged under its name now. A host that staged
// another sound, or moved on in it, makes it begin there.
func (n *Node) restage(name string) {
	s, ok := StagedSound(name)
	if !ok || n.typ.Name != "SamplerNode" {
		return
	}
	if n.playing.number == s.number && n.playing.Read == s.Read {
		return
	}
	n.staged, n.stream = s.audio(n.desc.Rate), nil
	n.playing = s
}

// played moves the staged sound on by what a sampler played.
func (n *Node) played(name string, frames int) {
	if n.playing.number == 0 {
		return
	}
	if s, ok := StagedSound(name); ok && s.number == n.playing.number {
		AdvanceSound(name, frames)
		n.playing.Read = min(s.Frames(), n.playing.Read+frames)
	}
}

// stagedOr reads what a graph's sampler of that name plays, or a file.
func stagedOr(rate float64) func(path string) (*abi.Audio, error) {
	return func(path string) (*abi.Audio, error) {
		if s, ok := StagedSound(path); ok {
			return s.audio(rate), nil
		}
		return adjoint.ReadAudio(path)
	}
}
