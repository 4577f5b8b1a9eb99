package part

// Class is a class list: one, and another beside it if that is so.
func Class(one, other string, so bool) string {
	if so {
		return one + " " + other
	}
	return one
}

// When is an attribute's value if that is so, and nil for none.
func When(so bool, value string) any {
	if so {
		return value
	}
	return nil
}
