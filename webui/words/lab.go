package words

import (
	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/webui/state"
)

// LabState is the line under the Lab's headline: the lamp's shape and what is true now.
func LabState(l *state.Lab) (lamp, words string) {
	p := &l.Progress
	if l.Replay != nil {
		return replayState(l.Replay)
	}
	switch l.Phase {
	case state.LabAbsent:
		return "hold", "No device has been made yet."
	case state.LabOff:
		return "hold", "Switched off. The flash keeps what was written to it."
	case state.LabBooting:
		return "live", "Booting: the digest of the whole image is computed."
	case state.LabRunning:
		return "ok", runningWords(l)
	case state.LabAsking:
		return "live", "Asking the server for an update."
	case state.LabReceiving:
		return "live", "Receiving the update to " + releaseName(l.Target) + ", " + Group(uint64(p.Bytes)) + " of " +
			Group(uint64(p.BytesOf)) + " bytes."
	case state.LabProving:
		return "live", "Proving the update to " + releaseName(l.Target) + " before the first erase."
	case state.LabRewriting:
		return "live", "Rewriting to " + releaseName(l.Target) + ", sector " + sectorAt(l, p.Sectors, p.Of) + "."
	case state.LabJudging:
		return "live", "Verdict on " + releaseName(l.Target) + ": the digest of the whole image."
	case state.LabBricked:
		return brickedWords(l)
	case state.LabRestoring:
		if p.Stage < restore.StageWrite {
			return "live", "Restoring over the cable: reading what is left."
		}
		return "live", "Restoring " + releaseName(l.Target) + " over the cable, " + Group(uint64(p.Sectors)) + " of " + Count(p.Of,
			"sector", "sectors") + "."
	case state.LabFault:
		return "bad", "Stopped: the device broke a rule of its hardware" + because("", l.Fault) + ". It does nothing any more: make a new device."
	}
	return "hold", ""
}

// sectorAt is which sector of a rewrite is told of: the one at work, or between two of them the one that was done last.
func sectorAt(l *state.Lab, done, of int) string {
	if l.Map.Active >= 0 {
		done++
	}
	return Group(uint64(min(max(done, 1), max(of, 1)))) + " of " + Group(uint64(of))
}

// releaseName is a release in a sentence, whether or not it is known here what it is called.
func releaseName(version string) string {
	if version == "" {
		return "a release that is not known here"
	}
	return "release " + version
}

// hangAdvice is what to do about a release that hangs because a switch of the Lab makes every release hang; empty while that
// switch says that releases work.
func hangAdvice(l *state.Lab) string {
	if l.Health == state.HealthGood {
		return ""
	}
	return " The switch Application says that every release hangs after its start: set it to healthy first."
}

// outcomes say what the last update or restoration has come to.
var outcomes = [...]string{
	state.OutcomeNoRoom:    " The update does not fit its RAM: it needs the cable.",
	state.OutcomeRefused:   " The offered release was refused, and nothing was erased.",
	state.OutcomeProof:     " The proof had another outcome, and nothing was erased.",
	state.OutcomeBroken:    " The transfer broke off; the next one goes on where it stopped.",
	state.OutcomeLinkLost:  " The link broke off before anything was sent; nothing has changed. Try again.",
	state.OutcomeNoServer:  " The server does not answer.",
	state.OutcomeHeld:      " The server holds it back from the newest release; Fleet says why, and can offer it again.",
	state.OutcomeFailed:    " The restoration ended early.",
	state.OutcomeLater:     " The server has nothing to send yet. Try again later.",
	state.OutcomeUpToDate:  " It is the newest.",
	state.OutcomeUpdated:   " The update was verified.",
	state.OutcomeConfirmed: " It has confirmed itself.",
	state.OutcomeRestored:  " It was restored over the cable and verified.",
}

func runningWords(l *state.Lab) string {
	s := "Running " + releaseName(l.Runs) + "."
	switch {
	case l.Hangs:
		s = Upper(releaseName(l.Runs)) + " has started and hangs: the watchdog resets it again and again." + hangAdvice(l)
	case l.Health == state.HealthHangs:
		s += " From its next start on it hangs."
	}
	s += word(outcomes[:], l.Outcome)
	switch l.Outcome {
	case state.OutcomeNone, state.OutcomeUpdated, state.OutcomeConfirmed, state.OutcomeRestored:
	default:
		return s
	}
	if l.Offered.Digest != ([32]byte{}) {
		s += " Release " + l.Offered.Version + " is published for it."
	}
	return s
}

func brickedWords(l *state.Lab) (lamp, words string) {
	lamp, words = "bad", "Bricked."
	switch l.Why {
	case smp.WhyInterrupted:
		words = "Bricked: the rewrite stopped halfway."
		if l.Old != "" && l.Target != "" {
			words = "Bricked: a mixture of " + l.Old + " and " + l.Target + "."
		}
	case smp.WhyDamaged:
		words = "Bricked: the image is not what its record says."
	case smp.WhyNoRecord:
		words = "Bricked: no valid record."
	case smp.WhyHang:
		words = "Bricked: " + releaseName(l.Runs) + " was started three times and hung." + hangAdvice(l)
		if l.Outcome == state.OutcomeRestored {
			words = "Bricked again: " + releaseName(l.Runs) + " was restored and verified, and hung three times like the one before." + hangAdvice(l)
		}
	case smp.WhyAsked, smp.WhyPin:
		lamp, words = "hold", "Waiting, because it was asked to."
	case smp.WhyUnknown:
	}
	words += " In restoration mode, cable open."
	if l.Outcome == state.OutcomeFailed {
		words += " The restoration ended early."
	}
	return lamp, words
}

var makeEnds = [...]string{
	state.MakeEndNoServer: " No device was made: the server has to be asked for its release or its keys, and does not answer. Try again " +
		"when it does.",
	state.MakeEndNoRelease: " No device was made: its release is gone from this browser and from the server. Choose another one.",
	state.MakeEndDamaged:   " No device was made: the bytes of its release are not those that were signed. Choose another one.",
	state.MakeEndNoKeys:    " No device was made: the server trusts no key for this model yet. Publish a release for it first.",
	state.MakeEndUnfit:     " No device was made: its release does not fit the model. Choose another one.",
}

// MakeEnd says why a device could not be made.
func MakeEnd(e state.MakeEnd) string { return word(makeEnds[:], e) }

// LabFailure is what a restoration of the Lab's device that ended early leaves to be said, in the words of Restore; nil when
// there is nothing.
func LabFailure(l *state.Lab) *Pane {
	if l.Outcome != state.OutcomeFailed || l.Replay != nil {
		return nil
	}
	p := failed(&state.RestoreFailed{Failure: l.Failure})
	again := "Press Restore over the cable again." + keptWords(&l.Failure)
	other := "Choose another release beside the button, then press Restore over the cable."
	switch l.Failure.Code {
	case restore.CodeVanished, restore.CodeSilent, restore.CodePortBusy, restore.CodeRefused, restore.CodeProof, restore.CodeVerify:
		p.Verdict.Do = again
	case restore.CodeNoisy:
		p.Verdict.Do = "Choose fewer bit errors, or a lower speed, under Line. Then press Restore over the cable again." + keptWords(&l.Failure)
	case restore.CodeFlash:
		p.Verdict.Do = again + " If it stays, make a new device."
	case restore.CodeSignature, restore.CodeUnknownKey, restore.CodeSigners, restore.CodeModel, restore.CodeFloor, restore.CodeBadFile,
		restore.CodeBadRelease, restore.CodeUnlisted, restore.CodeNoRoom:
		p.Verdict.Do = other
	case restore.CodeNoRelease:
		p.Verdict.Do = "Choose another release, or let the server answer and press Restore over the cable again."
	default: // CodeStoreFull, CodeProtocol, CodeProgramFault and what has no words
		p.Verdict.Do = "Reload the page, then press Restore over the cable again. The Lab keeps the flash as it is."
	}
	return &p
}

// LabActs is the Lab's buttons: at most one primary. wanted is the release to restore.
func LabActs(l *state.Lab, wanted [32]byte) []Act {
	switch back := Primary("Back to the device", BackToDevice{}); l.Replay.(type) {
	case nil:
	case state.ReplayMissing:
		back.Style = ""
		return []Act{Primary("Choose a release file", ChooseFile{}), back}
	case state.ReplayMaking, state.ReplayReady, state.ReplayFailed:
		return []Act{back}
	}
	list := deviceActs(l, wanted)
	if l.Again {
		list = append(list, Secondary("Replay the cut", state.LabReplay{}))
	}
	return list
}

// deviceActs are those of the device.
func deviceActs(l *state.Lab, wanted [32]byte) []Act {
	update := Secondary("Update over the air", state.LabUpdate{})
	restore := Secondary("Restore over the cable", state.LabRestore{Digest: wanted})
	switch l.Phase {
	case state.LabAbsent:
	case state.LabOff:
		return []Act{Primary("Switch it on", state.LabPower{Switch: state.SwitchOn})}
	case state.LabRunning:
		if l.Offered.Digest != ([32]byte{}) {
			update.Style = "primary"
		}
		restore.Disabled = true
		return []Act{update, restore}
	case state.LabBricked:
		restore.Style = "primary"
		return []Act{restore}
	case state.LabFault:
		return []Act{Primary("Switch it off", state.LabPower{Switch: state.SwitchOff})}
	case state.LabBooting, state.LabAsking, state.LabReceiving, state.LabProving, state.LabRewriting,
		state.LabJudging, state.LabRestoring:
		return []Act{Danger("Pull the power now", state.LabPower{Switch: state.SwitchOff})}
	}
	return nil
}

// CutHint says what operations there are to cut in.
func CutHint(p *state.Power) string {
	switch {
	case p.Ops > 0:
		return "of " + Group(p.Ops)
	case p.Op > 0:
		return "now at " + Group(p.Op)
	}
	return "of the rewrite"
}

// SwitchNote says what the switch means now.
func SwitchNote(l *state.Lab) string {
	switch {
	case l.Power.Switch == state.SwitchOff:
		return "Switch it on, and it boots from what is in its flash."
	case l.Power.CutAt > 0:
		return "Armed: the power fails inside flash operation " + Group(l.Power.CutAt) + "."
	}
	return "Pull it at any moment. Whatever was in RAM is lost."
}

// LabPromises say what can be done with a device.
var LabPromises = []Promise{
	{"Update it", "Over the air: a delta that is proven before the first erase, then rewritten in place."},
	{"Pull the power", "At any moment, or inside one certain flash operation, and choose what the cut leaves behind."},
	{"Restore it", "Over the cable, from what is left in its flash."},
}

// NothingToMake says why there is nothing to make a device of.
func NothingToMake(is state.MakeState, server state.Reach) string {
	if is == state.MakeLooking {
		return "Looking for the device that was here last."
	}
	switch server {
	case state.ReachNo:
		return "The server does not answer, and no release is stored here. The Lab makes its device from a release."
	case state.ReachUnknown:
		return "Asking the server what there is."
	case state.ReachYes:
	}
	return "Nothing has been published yet. The Lab makes its device from a release."
}

// Model is a model as it is chosen.
func Model(m state.LabModel) string {
	switch {
	case m.Name == "":
		return m.ID
	case Unnamed(m.ID, m.Name):
		return m.Name
	}
	return m.Name + ", model " + m.ID
}

// MakeNote says what making a device does.
func MakeNote(first bool) string {
	if first {
		return "A board with one bank of flash, RAM and a cable, emulated in this browser. Its power can be pulled at any moment."
	}
	return "The present device and its flash are thrown away."
}

// CutComplaint says why a cut is not armed: what was typed is no number of a flash operation, or, beyond, a larger one than there is.
func CutComplaint(beyond bool, most uint64) string {
	if beyond {
		return "Nothing is armed. No rewrite of this flash has more than " + Group(most) + " flash operations."
	}
	return "Nothing is armed. Type the number of a flash operation, in digits: 1 to " + Group(most) + "."
}
