package main

// commands lists every verb, in the order that help shows.
func commands() []command {
	return []command{}
}
