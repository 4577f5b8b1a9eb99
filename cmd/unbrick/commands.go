package main

// commands lists every verb, in the order that help shows.
func commands() []command {
	return []command{
		{"delta", "makes, applies and explains the files that turn one image into another", deltaCommand},
	}
}
