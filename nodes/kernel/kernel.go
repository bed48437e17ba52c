// Package kernel holds what node types are made of: loops that several types
// share, and their arithmetic. It registers nothing and owns no memory.
//
//	formula, dualnumber       numbers that know their derivatives
//	biquad, cookbook, matched filters of second order and their designs; poles: of first order
//	convolution, stft         partitioned convolution, short-time transforms
//	tap                       fractional reads of a delay line
//	lines, rows               matrices of delay lines, over rows of frames
//	sines, modes              sums of partials and of resonators
//	level, channels           detectors, curves of gains, channels of a block
//	elementary, wave, noise   functions, by value and by row
//
// Where the processor has AVX2 some loops run in assembly, written by
// internal/asmgen. Beside each stands the same in plain Go: its specification, its
// test, and what other processors run.
//
// Rows are slices of frames. A function that fills memory takes it first, and the
// dual of x is called dx. Gradients are added to, unless a sentence says otherwise.
package kernel
