// Package analysis reads recordings: partials, pitch, decay and vibrato of a sound;
// and of a sound and what an effect made of it the impulse response, its echogram,
// the lag, and whether they have anything to do with each other. It knows nothing
// of graphs.
package analysis
