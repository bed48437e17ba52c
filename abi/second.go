package abi

// LinearSecond is the Second of a type that is linear in its inputs and states
// and has no parameters with a gradient: the slopes do not change along any
// direction, so the change of the adjoint is the adjoint of the change.
func LinearSecond(backward func(b, d *Block)) func(b, t, d, dt *Block) {
	return func(b, _, d, dt *Block) {
		backward(b, d)
		backward(b, dt)
	}
}
