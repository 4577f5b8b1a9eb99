package main

// commands lists every verb, in the order that help shows.
func commands() []command {
	return []command{
		{"serve", "runs the server: devices, page, publishers and operators", serveCommand},
		{"ready", "waits until the server can be used", readyCommand},
		{"demo", "writes two versions of a real firmware to try everything with", demoCommand},
		{"key", "makes the key that signs releases", keyCommand},
		{"model", "describes a kind of device to the server, lists those it knows", modelCommand},
		{"publish", "signs an image and publishes it as a release", publishCommand},
		{"rollout", "offers a release in phases, halts it, lets it go on", rolloutCommand},
		{"release", "lists releases, offers, withholds or withdraws one", releaseCommand},
		{"device", "lists and shows devices, holds a release back from it, frees it, forgets it", deviceCommand},
		{"file", "lists update files, keeps one from all, has one made anew", fileCommand},
		{"emulate", "runs an emulated device: update it, cut its power, offer its cable", emulateCommand},
		{"restore", "brings a device back over its cable", restoreCommand},
		{"identify", "asks the device at a cable who it is and what is left in it", identifyCommand},
		{"ports", "lists the serial ports of this machine", portsCommand},
		{"delta", "makes, applies and explains the files that turn one image into another", deltaCommand},
		{"powercut", "cuts the power everywhere in an update and checks what becomes of the device", powercutCommand},
		{"bench", "measures deltas over pairs of images, beside other programs", benchCommand},
		{"version", "prints which build this is", versionCommand},
	}
}
