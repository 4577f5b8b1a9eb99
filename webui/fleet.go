package webui

type fleet struct{ asked int }

func (f *fleet) key() string         { return "" }
func (r *Root) fleetPath(string)     {}
func (r *Root) fleetHeading() string { return "Fleet" }
