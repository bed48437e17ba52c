package loss

// Quadratic reports whether a loss is a quadratic function of x, so that its
// gradient is affine and Gauss-Newton methods may be used on it.
func Quadratic(l Loss) bool {
	switch l := l.(type) {
	case *squares, *head:
		return true
	case *later:
		return Quadratic(l.inner)
	case *sum:
		for _, t := range l.terms {
			if !Quadratic(t.Loss) {
				return false
			}
		}
		return true
	}
	return false
}
