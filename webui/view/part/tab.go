package part

// Tab is one entry of a list of screens, or of parts of one.
type Tab struct {
	Path, Name        string
	Current, Disabled any // an attribute's value, or nil for none
}
