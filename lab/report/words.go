package report

// checkWords says what each check of package sweep promises, to somebody who has not read its code.
var checkWords = map[string]string{
	"hardware-rules":                  "The device’s software breaks no rule of its flash, RAM or line, and never crashes.",
	"outcome":                         "After any cut the device runs the old release or the new one, or waits for the cable.",
	"early-and-late-cuts-run":         "A cut before the first erase of software, or after the last read-back, leaves a device that runs.",
	"restoration-only-if-needed":      "It waits for the cable only if no whole and firm image is left in the flash.",
	"runs-signed-image":               "What runs is byte for byte a signed release, to the end of its last sector.",
	"runs-firm-cells":                 "No cell of what runs was left half written: nothing can flip later by itself.",
	"boots-agree":                     "Two boots in a row, with every doubtful bit drawn anew, end the same way.",
	"restores-exactly":                "From any state, the cable brings back exactly the wanted release, which then runs.",
	"boot-area-untouched":             "The part that restores the device is never erased or programmed, nor is its identification.",
	"erases-bounded":                  "The flash is worn no more than needed: changed sectors, one more for each cut, and records.",
	"only-changed-and-marked-touched": "No sector is erased or programmed that need not change.",
	"applications-run-again":          "Applications that made room for an update run again afterwards.",
	"floor-by-confirmation":           "Older releases are locked out only after the new one has confirmed itself.",
	"proof-before-erase":              "Nothing is erased for an update that would not end in a signed release.",
	"lengths-refused":                 "What a stranger at the cable claims is checked; what is too long is refused.",
	"updates-complete":                "An update without a power cut succeeds, also the next one behind a link that failed.",
	"single-faults-retried":           "An erase or program that goes wrong once is done again, and the update succeeds.",
	"dead-sector-named":               "A worn-out sector is named by its address, and the device stays restorable.",
	"floor-never-falls":               "No record that any road writes has a security floor below the one before it.",
	"confirmation-whole-or-not":       "A confirmation that was cut is whole or not there, and the next session confirms.",
	"statement-kept":                  "No record that any road writes has lost the maker’s word on who may sign.",
	"dead-sectors-told-on-both-roads": "A sector that takes no data is told over the link and over the cable.",
	"receipt-true":                    "What the device signs of itself is so, at every moment at which it signs.",
	"fast-equals-full":                "Runs that remember digests end as runs that compute every one of them.",
}

// kindOrder is what was done to devices, in the order in which it is told.
var kindOrder = []struct{ name, words string }{
	{"update", "the power cut inside an update"},
	{"healing", "cut again inside the boot that heals"},
	{"restoration", "cut inside a restoration over the cable"},
	{"pair", "cut again inside what recovers from a first cut"},
	{"triple", "cut a third time"},
	{"link", "a message of the link lost, doubled, damaged, late, or the link closed"},
	{"cable", "a frame of the cable lost, doubled, damaged, late, or the cable pulled"},
	{"defect", "a worn or faulty sector"},
	{"noise", "a noisy line"},
	{"hostile", "wrong bytes from the cable"},
}

// tearWords names what a cut leaves, for the rows of the picture.
var tearWords = map[string]string{
	"none": "nothing done", "complete": "all done", "first-unit": "first unit", "half": "half", "all-but-one": "all but one",
	"unstable": "unstable", "unreadable": "unreadable", "erase-part": "part erased", "erase-weak": "weak erase", "marginal": "one bit torn",
}
