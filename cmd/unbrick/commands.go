package main

// commands lists every verb, in the order that help shows.
func commands() []command {
	return []command{
		{"serve", "runs the server: devices, page, publishers and operators", serveCommand},
		{"key", "makes the key that signs releases", keyCommand},
		{"model", "describes a kind of device to the server", modelCommand},
		{"publish", "signs an image and publishes it as a release", publishCommand},
		{"emulate", "runs an emulated device: update it, cut its power, offer its cable", emulateCommand},
		{"delta", "makes, applies and explains the files that turn one image into another", deltaCommand},
		{"version", "prints which build this is", versionCommand},
	}
}
