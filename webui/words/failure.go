package words

import (
	"cmp"
	"os"
	"strconv"

	"unbrick/restore"
	"unbrick/webui/state"
)

// ending is what is said of an attempt that has ended. What stands behind a $ is a place, which endingPlace fills.
type ending struct {
	heading  string
	lead, do string // an empty lead says where it happened
	first    first
	safe     *Verdict // nil: what the attempt has left in the flash says it
}

// first is the button to press. It is no Act, so that the table below is data and no code.
type first struct {
	label string
	wish  firstWish
}

type firstWish uint8

const (
	toConnect firstWish = iota
	toGoOn
	toChoose
)

const (
	againWord   = "Connect again"
	anotherWord = "Choose another release"
)

func (f first) act() Act {
	switch f.wish {
	case toGoOn:
		return Primary(f.label, state.GoOn{})
	case toChoose:
		return Primary(f.label, ChooseFile{})
	}
	return Primary(f.label, state.Connect{})
}

var endings = [...]ending{
	restore.CodeVanished: {"The cable came out.", "", "Push the cable in at both ends, then press Connect again.$kept$rest",
		first{againWord, toConnect}, nil},
	restore.CodeSilent: {"The device stopped answering.", "", "Leave the cable in. Switch the device off and on, then press Connect " +
		"again.$kept$rest", first{againWord, toConnect}, nil},
	restore.CodeNoisy: {"The line is too noisy.", "", "Try a shorter cable, or another socket. We go on more slowly.", first{"Go on", toGoOn},
		&Verdict{Yes: "Yes.", Safe: "What arrived damaged was not kept."}},
	restore.CodeSignature: {"This release is not the maker’s.", "Its signature does not match the key in your device, so it was not sent.",
		"Get the release from the device’s maker again. If this happens twice, send them the diagnostic file.",
		first{anotherWord, toChoose}, nil},
	restore.CodeUnknownKey: {"The device does not know who signed this release.", "It trusts other keys, so the release was not sent.",
		"Get the release that the maker made for this device.", first{anotherWord, toChoose}, nil},
	restore.CodeSigners: {"Too few have signed this release.", "The device asks for more than one signature, so it was not sent.",
		"Get the release from its maker again, with all signatures.", first{anotherWord, toChoose}, nil},
	restore.CodeModel: {"This release is for another device.", "It is made for $other, so it was not sent.",
		"Choose the release that is made for this model.", first{anotherWord, toChoose}, nil},
	restore.CodeFloor: {"This release is too old for the device.", "The device has moved on from releases with known weaknesses, and takes " +
		"none of them back.", "Choose $newer.", first{anotherWord, toChoose}, nil},
	restore.CodeBadFile: {"This file is not a release.", "A release file says which device it is for and who signed it. This one does not.",
		"Choose the release file that you got from the device’s maker.", first{"Choose another file", toChoose}, nil},
	restore.CodeBadRelease: {"This release is damaged.", "Its bytes are not those that its maker signed, so it was not sent.",
		"Get it again, from the server or from the device’s maker.", first{anotherWord, toChoose}, nil},
	restore.CodeNoProgram: {"A part of this page could not be loaded.", "The device was recognised, and the program that speaks with it did " +
		"not come.", "Check the network, then press Connect again.", first{againWord, toConnect}, nil},
	restore.CodeNoRoom: {"The device has too little memory free.", "Restoring it needs $needs at once, and it has $has.",
		"Choose another release. If there is none, send the diagnostic file to the device’s maker.", first{anotherWord, toChoose}, nil},
	restore.CodeProof: {"The device found another outcome than the release.", "It worked out the result before erasing anything, and refused.",
		"Read the device once more. If this happens twice, send the diagnostic file to its maker.", first{"Read it again", toGoOn}, nil},
	restore.CodeVerify: {"What we read back is not what we wrote.", "", "Restore again. If this happens twice, its memory may be worn: save " +
		"the diagnostic file.", first{"Restore again", toGoOn}, &Verdict{Safe: "It cannot start, and it can still be restored."}},
	restore.CodeFlash: {"A part of its memory is worn out.", "The sector at $sector can no longer be erased and written.",
		"Try once more. If it stays, the device needs its maker: save the diagnostic file for them.", first{"Try once more", toGoOn},
		&Verdict{Safe: "The part that restores it still works. It cannot start while the sector at $sector does not keep what is written."}},
	restore.CodeRefused: {"The device refused.", "It did not take the next step. Its reason stands in the details.", "Read the device once " +
		"more. If this happens twice, send the diagnostic file to its maker.", first{"Read it again", toGoOn}, nil},
	restore.CodeNoRelease: {"The release is no longer here.", "It was in this browser or on the server, and is gone from both.",
		"Choose it from a file, or connect to the network and try again.", first{"Choose a release from a file", toChoose}, nil},
	restore.CodeStoreFull: {"This browser has no room left.", "The release could not be kept here, so nothing was begun.",
		"Free some space on this computer, or leave the private window. Then press Connect again.", first{againWord, toConnect}, nil},
	restore.CodePortBusy: {"Another program holds the device.", "", "Close it and press Connect again.$kept",
		first{againWord, toConnect}, nil},
	restore.CodePortStuck: {"The browser does not let go of the cable.", "It was asked to open or close the cable’s port, and has not " +
		"answered.", "Pull the cable out, push it in again, then press Connect again. If that does not help, close every window of this " +
		"browser and open this page again.", first{againWord, toConnect}, nil},
	restore.CodeProtocol: {"The device answers in a way this page does not know.", "", "Reload this page to get its newest form, then " +
		"connect again. If this happens twice, send the diagnostic file to the device’s maker.", first{againWord, toConnect}, nil},
}

// Those that no code alone tells: a file before the device has said who it is; and a code that has no words, which is a mistake of ours.
var (
	fileUnfit = ending{"This device cannot use that file.", "It is neither a release nor a signed image, or not of the kind that this " +
		"device takes.", "Choose the file that you got from the device’s maker.", first{"Choose another file", toChoose}, nil}
	ourMistake = ending{"This page made a mistake and stopped.", "", "Reload the page, then connect again.$kept",
		first{againWord, toConnect}, nil}
)

// failed is the screen of an ended attempt: what happened, is the device safe, what to do now.
func failed(s *state.RestoreFailed) Pane {
	f := &s.Failure
	var end ending
	if int(f.Code) < len(endings) {
		end = endings[f.Code]
	}
	said := &f.Said
	switch {
	case said.Heading != "":
		end = ending{said.Heading, said.Lead, said.Do, first{"Connect again", toGoOn}, nil}
		if said.Choose {
			end.first = first{"Choose another file", toChoose}
		}
		if said.Safe != "" {
			end.safe = &Verdict{Safe: said.Safe}
		}
	case end.heading == "":
		end = ourMistake
	case f.Code == restore.CodeBadFile && s.Serial == "":
		end = fileUnfit
	}
	fill := func(words string) string {
		return os.Expand(words, func(place string) string { return endingPlace(f, place) })
	}
	p := Pane{
		Heading: end.heading,
		Lead:    cmp.Or(fill(end.lead), whereWords(f, s.Image)),
		Verdict: safeWords(f),
		Acts:    []Act{end.first.act(), Secondary("Save diagnostic file", state.SaveDiagnostic{})},
		Trace:   f.Trace, TraceEnd: "code " + CauseCode(f.Code),
	}
	if end.safe != nil {
		p.Verdict.Yes, p.Verdict.Safe = end.safe.Yes, fill(end.safe.Safe)
	}
	p.Verdict.Do = fill(end.do)
	if f.Touched == restore.TouchedSettings && end.first.wish == toConnect {
		p.Acts[0].Wish = state.Resume{} // the job says what is left to do
	}
	return p
}

// endingPlace is what a failure has for a place of its words.
func endingPlace(f *state.Failure, place string) string {
	switch place {
	case "kept":
		return keptWords(f)
	case "rest":
		return restWords(f)
	case "other":
		return modelName(f.Other)
	case "newer":
		if f.Version == "" {
			return "a newer release"
		}
		return "release " + f.Version + " or a newer one"
	case "needs":
		return KiB(uint64(f.Needs))
	case "has":
		return KiB(uint64(f.Has))
	}
	return HexAddr(f.Addr)
}

// whereWords is the line under a failure's headline.
func whereWords(f *state.Failure, image bool) string {
	switch f.Stage {
	case restore.StageWrite:
		if image {
			return "It happened while the image was being sent."
		}
		if f.Sector > 0 && f.Of > 0 {
			return "It happened while " + Count(f.Of, "sector was", "sectors were") + " being written."
		}
		return "It happened before anything was written, while the update file was still being sent."
	case restore.StageVerify:
		return "It happened while the device verified what was written."
	case restore.StageErase:
		return "Its software is verified. It happened while its settings were being erased."
	case restore.StageStart:
		return "It happened while the device was starting."
	case restore.StageIdentify, restore.StagePlan:
	}
	return "It happened before anything was written."
}

// modelName is a model in a sentence, where it may not have said which it is.
func modelName(id string) string {
	if id == "" {
		return "another model"
	}
	return "model " + id
}

// safeWords answers whether the device is safe by what the attempt left in its flash.
func safeWords(f *state.Failure) *Verdict {
	switch f.Touched {
	case restore.TouchedNothing:
		return &Verdict{Yes: "Yes.", Safe: "Nothing was written. It is exactly as it was when you connected it."}
	case restore.TouchedRenewed:
		return &Verdict{Yes: "Yes.", Safe: "Nothing of the release was written. It holds what it held when you connected it."}
	case restore.TouchedSettings:
		return &Verdict{Yes: "Yes.", Safe: "Its software is whole and starts. Of its settings a part may be erased."}
	case restore.TouchedWritten:
		return &Verdict{Yes: "Yes.", Safe: "The image is written, and its boot loader lists it."}
	case restore.TouchedPart, restore.TouchedAll:
	}
	return &Verdict{Yes: "Yes.", Safe: "It cannot start yet, but nothing is lost. The part that restores it is never overwritten."}
}

// keptWords promises what an interrupted writing keeps. How many sectors that are nobody knows: a device writes on while its
// cable is out, and tells of what it has written only now and then.
func keptWords(f *state.Failure) string {
	if f.Sector == 0 {
		return ""
	}
	s := " What is already written stays written"
	if f.Left > 0 {
		n, _ := roundUp(f.Left)
		s += "; about " + AboutTime(f.Left) + either(n, " remains", " remain")
	}
	return s + "."
}

// CauseCode is the number that support asks for.
func CauseCode(c restore.Code) string {
	return "C-" + strconv.Itoa(100+int(c))
}

const TraceNote = "The diagnostic file holds this, every command with its time, and the browser’s version. It holds no secrets and " +
	"no part of the device’s software."
