package words

import (
	"strconv"

	"unbrick/restore"
	"unbrick/webui/state"
)

// failed is the screen of an ended attempt: what happened, is the device safe, what to do now.
func failed(s *state.RestoreFailed) Pane {
	f := &s.Failure
	again := Primary("Connect again", state.Connect{})
	if f.Touched == restore.TouchedSettings {
		again = Primary("Connect again", state.Resume{}) // the job says what is left to do
	}
	another := Primary("Choose another release", ChooseFile{})
	goOn := func(label string) Act { return Primary(label, state.GoOn{}) }
	p := Pane{Lead: whereWords(f, s.Image), Verdict: safeWords(f), Trace: f.Trace, TraceEnd: "code " + CauseCode(f.Code)}
	say := func(heading, lead, do string, first Act) {
		p.Heading, p.Verdict.Do = heading, do
		if lead != "" {
			p.Lead = lead
		}
		p.Acts = []Act{first, Secondary("Save diagnostic file", state.SaveDiagnostic{})}
	}
	switch f.Code {
	case restore.CodeVanished:
		say("The cable came out.", "", "Push the cable in at both ends, then press Connect again."+keptWords(f)+restWords(f), again)
	case restore.CodeSilent:
		say("The device stopped answering.", "", "Leave the cable in. Switch the device off and on, then press Connect "+
			"again."+keptWords(f)+restWords(f), again)
	case restore.CodeNoisy:
		p.Verdict.Yes, p.Verdict.Safe = "Yes.", "What arrived damaged was not kept."
		say("The line is too noisy.", "", "Try a shorter cable, or another socket. We go on more slowly.", goOn("Go on"))
	case restore.CodeSignature:
		say("This release is not the maker’s.", "Its signature does not match the key in your device, so it was not sent.",
			"Get the release from the device’s maker again. If this happens twice, send them the diagnostic file.", another)
	case restore.CodeUnknownKey:
		say("The device does not know who signed this release.", "It trusts other keys, so the release was not sent.",
			"Get the release that the maker made for this device.", another)
	case restore.CodeSigners:
		say("Too few have signed this release.", "The device asks for more than one signature, so it was not sent.",
			"Get the release from its maker again, with all signatures.", another)
	case restore.CodeModel:
		say("This release is for another device.", "It is made for "+modelName(f.Other)+", so it was not sent.",
			"Choose the release that is made for this model.", another)
	case restore.CodeFloor:
		do := "Choose a newer release."
		if f.Version != "" {
			do = "Choose release " + f.Version + " or a newer one."
		}
		say("This release is too old for the device.", "The device has moved on from releases with known weaknesses, and takes none of "+
			"them back.", do, another)
	case restore.CodeBadFile:
		if s.Serial == "" {
			say("This device cannot use that file.", "It is neither a release nor a signed image, or not of the kind that this device takes.",
				"Choose the file that you got from the device’s maker.", Primary("Choose another file", ChooseFile{}))
			break
		}
		say("This file is not a release.", "A release file says which device it is for and who signed it. This one does not.",
			"Choose the release file that you got from the device’s maker.", Primary("Choose another file", ChooseFile{}))
	case restore.CodeBadRelease:
		say("This release is damaged.", "Its bytes are not those that its maker signed, so it was not sent.",
			"Get it again, from the server or from the device’s maker.", another)
	case restore.CodeUnlisted:
		p.Verdict.Yes, p.Verdict.Safe = "", "Its boot loader works, and takes another image. What it has now does not start."
		say("The boot loader does not accept this image.", "It took every byte, and does not list it: the image is signed with another "+
			"key, or made for another device.",
			"Get the image that the maker made for this device.", Primary("Choose another image", ChooseFile{}))
	case restore.CodePending:
		say("The image is written, and was not started.", "It lies in the second slot. What answers after the start is the boot loader, "+
			"or the image that was there before.",
			"Let go of the device’s recovery button or pin, and switch it off and on. Then connect again to see what it "+
				"runs.", goOn("Connect again"))
	case restore.CodeTrial:
		say("The device runs another image.", "It was to try the new one after its start. The boot loader refused that, or the trial ended.",
			"Get the image that the maker made for this device.", Primary("Choose another image", ChooseFile{}))
	case restore.CodeNotStarted:
		say("The boot loader did not start the image.", "It lists it, took the command to start, and answers again.",
			"Let go of the device’s recovery button or pin, and switch it off and on.", goOn("Connect again"))
	case restore.CodeNoRoom:
		say("The device has too little memory free.", "Restoring it needs "+KiB(uint64(f.Needs))+" at once, and it has "+KiB(uint64(f.Has))+".",
			"Choose another release. If there is none, send the diagnostic file to the device’s maker.", another)
	case restore.CodeProof:
		say("The device found another outcome than the release.", "It worked out the result before erasing anything, and refused.",
			"Read the device once more. If this happens twice, send the diagnostic file to its maker.", goOn("Read it again"))
	case restore.CodeVerify:
		p.Verdict.Yes, p.Verdict.Safe = "", "It cannot start, and it can still be restored."
		say("What we read back is not what we wrote.", "", "Restore again. If this happens twice, its memory may be worn: save the "+
			"diagnostic file.", goOn("Restore again"))
	case restore.CodeFlash:
		p.Verdict.Yes = ""
		p.Verdict.Safe = "The part that restores it still works. It cannot start while the sector at " + HexAddr(f.Addr) +
			" does not keep what is written."
		say("A part of its memory is worn out.", "The sector at "+HexAddr(f.Addr)+" can no longer be erased and written.",
			"Try once more. If it stays, the device needs its maker: save the diagnostic file for them.", goOn("Try once more"))
	case restore.CodeRefused:
		say("The device refused.", "It did not take the next step. Its reason stands in the details.", "Read the device once more. If "+
			"this happens twice, send the diagnostic file to its maker.", goOn("Read it again"))
	case restore.CodeNoRelease:
		say("The release is no longer here.", "It was in this browser or on the server, and is gone from both.",
			"Choose it from a file, or connect to the network and try again.", Primary("Choose a release from a file", ChooseFile{}))
	case restore.CodeStoreFull:
		say("This browser has no room left.", "The release could not be kept here, so nothing was begun.",
			"Free some space on this computer, or leave the private window. Then press Connect again.", again)
	case restore.CodePortBusy:
		say("Another program holds the device.", "", "Close it and press Connect again."+keptWords(f), again)
	case restore.CodePortStuck:
		say("The browser does not let go of the cable.", "It was asked to open or close the cable’s port, and has not answered.",
			"Pull the cable out, push it in again, then press Connect again. If that does not help, close every window of this browser and "+
				"open this page again.", again)
	case restore.CodeProtocol:
		say("The device answers in a way this page does not know.", "", "Reload this page to get its newest form, then connect again. If "+
			"this happens twice, send the diagnostic file to the device’s maker.", again)
	case restore.CodeProgramFault, 0:
	}
	if p.Heading == "" { // a code that has no words is a mistake of ours, too
		say("This page made a mistake and stopped.", "", "Reload the page, then connect again."+keptWords(f), again)
	}
	return p
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
		verb := " remain"
		if n == 1 {
			verb = " remains"
		}
		s += "; about " + aboutTime(f.Left) + verb
	}
	return s + "."
}

// CauseCode is the number that support asks for.
func CauseCode(c restore.Code) string {
	return "C-" + strconv.Itoa(100+int(c))
}

const TraceNote = "The diagnostic file holds this, every command with its time, and the browser’s version. It holds no secrets and " +
	"no part of the device’s software."
