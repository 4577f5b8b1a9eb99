package view

import (
	"cmp"
	"slices"
	"strconv"

	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/webui/state"
)

// labState is the line under the Lab's headline: the lamp's shape and what is true now.
func labState(l *state.Lab) (lamp, words string) {
	p := &l.Progress
	if l.Replay.Phase != state.ReplayNone {
		return replayState(&l.Replay)
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
		return "live", "Receiving the update to " + releaseName(l.Target) + ", " + group(uint64(p.Bytes)) + " of " + group(uint64(p.BytesOf)) + " bytes."
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
		return "live", "Restoring " + releaseName(l.Target) + " over the cable, " + group(uint64(p.Sectors)) + " of " + count(p.Of, "sector", "sectors") + "."
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
	return group(uint64(min(max(done, 1), max(of, 1)))) + " of " + group(uint64(of))
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

func runningWords(l *state.Lab) string {
	s := "Running " + releaseName(l.Runs) + "."
	switch {
	case l.Hangs:
		s = upper(releaseName(l.Runs)) + " has started and hangs: the watchdog resets it again and again." + hangAdvice(l)
	case l.Health == state.HealthHangs:
		s += " From its next start on it hangs."
	}
	switch l.Outcome {
	case state.OutcomeNoRoom:
		return s + " The update does not fit its RAM: it needs the cable."
	case state.OutcomeRefused:
		return s + " The offered release was refused, and nothing was erased."
	case state.OutcomeProof:
		return s + " The proof had another outcome, and nothing was erased."
	case state.OutcomeBroken:
		return s + " The transfer broke off; the next one goes on where it stopped."
	case state.OutcomeLinkLost:
		return s + " The link broke off before anything was sent; nothing has changed. Try again."
	case state.OutcomeNoServer:
		return s + " The server does not answer."
	case state.OutcomeHeld:
		return s + " The server holds it back from the newest release; Fleet says why, and can offer it again."
	case state.OutcomeFailed:
		return s + " The restoration ended early."
	case state.OutcomeLater:
		return s + " The server has nothing to send yet. Try again later."
	case state.OutcomeUpToDate:
		return s + " It is the newest."
	case state.OutcomeUpdated:
		s += " The update was verified."
	case state.OutcomeConfirmed:
		s += " It has confirmed itself."
	case state.OutcomeRestored:
		s += " It was restored over the cable and verified."
	case state.OutcomeNone:
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

// makeEndWords say why a device could not be made.
func makeEndWords(e state.MakeEnd) string {
	words := ""
	switch e {
	case state.MakeEndNone:
		return ""
	case state.MakeEndNoServer:
		words = "the server has to be asked for its release or its keys, and does not answer. Try again when it does."
	case state.MakeEndNoRelease:
		words = "its release is gone from this browser and from the server. Choose another one."
	case state.MakeEndDamaged:
		words = "the bytes of its release are not those that were signed. Choose another one."
	case state.MakeEndNoKeys:
		words = "the server trusts no key for this model yet. Publish a release for it first."
	case state.MakeEndUnfit:
		words = "its release does not fit the model. Choose another one."
	}
	return " No device was made: " + words
}

// labFailure is what a restoration of the Lab's device that ended early leaves to be said, in the words of Restore; nil when
// there is nothing.
func (r *Root) labFailure() *pane {
	l := &r.state.Lab
	if l.Outcome != state.OutcomeFailed || l.Replay.Phase != state.ReplayNone {
		return nil
	}
	p := r.failed(&l.Failure)
	p.Lead = whereWords(&l.Failure, state.WorkWritten)
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

// labActs is the Lab's buttons: at most one primary.
func (r *Root) labActs() []act {
	l := &r.state.Lab
	update := secondary("Update over the air", r.send(state.LabUpdate{}))
	pull := danger("Pull the power now", r.send(state.LabPower{Switch: state.SwitchOff}))
	restore := secondary("Restore over the cable", func() { r.send(state.LabRestore{Digest: r.labWanted()})() })
	switch back := primary("Back to the device", r.backToDevice); l.Replay.Phase {
	case state.ReplayNone:
	case state.ReplayMissing:
		back.Style = ""
		return []act{primary("Choose a release file", r.hooks.ChooseFile), back}
	case state.ReplayMaking, state.ReplayReady, state.ReplayFailed:
		return []act{back}
	}
	list := r.deviceActs(update, pull, restore)
	if l.Replay.Own {
		list = append(list, secondary("Replay the cut", r.send(state.LabReplay{})))
	}
	return list
}

// deviceActs are those of the device.
func (r *Root) deviceActs(update, pull, restore act) []act {
	l := &r.state.Lab
	switch l.Phase {
	case state.LabAbsent:
	case state.LabOff:
		return []act{primary("Switch it on", r.send(state.LabPower{Switch: state.SwitchOn}))}
	case state.LabRunning:
		if l.Offered.Digest != ([32]byte{}) {
			update.Style = "primary"
		}
		restore.Disabled = true
		return []act{update, restore}
	case state.LabBricked:
		restore.Style = "primary"
		return []act{restore}
	case state.LabFault:
		return []act{primary("Switch it off", r.send(state.LabPower{Switch: state.SwitchOff}))}
	case state.LabBooting, state.LabAsking, state.LabReceiving, state.LabProving, state.LabRewriting,
		state.LabJudging, state.LabRestoring:
		return []act{pull}
	}
	return nil
}

// tearName says what a tear leaves.
func tearName(t state.Tear) string {
	names := [state.TearKinds]string{
		"half of the bytes", "nothing written", "everything written", "the first unit", "all but the last unit",
		"unstable bits", "units that cannot be read", "a weak erase", "one bit in between",
	}
	if int(t) >= len(names) {
		return ""
	}
	return names[t]
}

// noiseName says how many bits are damaged.
func noiseName(n state.Noise) string {
	names := [state.NoiseKinds]string{
		"none", "1 in 1" + gap + "000" + gap + "000", "1 in 100" + gap + "000", "1 in 10" + gap + "000", "1 in 1" + gap + "000",
	}
	if int(n) >= len(names) {
		return ""
	}
	return names[n]
}

// paceName says how device time passes.
func paceName(p state.Pace) string {
	names := [state.PaceKinds]string{"as slow as life", "10 times life", "as fast as it goes"}
	if int(p) >= len(names) {
		return ""
	}
	return names[p]
}

// healthName says how the application behaves.
func healthName(h state.Health) string {
	if h == state.HealthHangs {
		return "hangs after start"
	}
	return "healthy"
}

// option is one line of a select.
type option struct {
	Value    string
	Name     string
	Selected bool
}

var (
	bauds = []uint32{9600, 57600, 115200, 460800, 921600}
	turns = []int{1, 4, 16} // milliseconds
)

func enumOptions(n, selected int, name func(int) string) []option {
	list := make([]option, n)
	for i := range list {
		list[i] = option{strconv.Itoa(i), name(i), i == selected}
	}
	return list
}

func baudOptions(now uint32) []option {
	var list []option
	for _, b := range with(bauds, now) {
		list = append(list, option{strconv.Itoa(int(b)), group(uint64(b)) + " baud", b == now})
	}
	return list
}

func turnOptions(now int) []option {
	var list []option
	for _, t := range with(turns, now) {
		list = append(list, option{strconv.Itoa(t), strconv.Itoa(t) + " ms", t == now})
	}
	return list
}

// with is the values that can be chosen, the present one among them: a choice shows nothing else than what is.
func with[T cmp.Ordered](values []T, now T) []T {
	if slices.Contains(values, now) {
		return values
	}
	at := 0
	for at < len(values) && values[at] < now { // they are in order; a sort of each type would be several kilobytes of program
		at++
	}
	return slices.Concat(values[:at], []T{now}, values[at:])
}

// cutHint says what operations there are to cut in.
func cutHint(p *state.Power) string {
	switch {
	case p.Ops > 0:
		return "of " + group(p.Ops)
	case p.Op > 0:
		return "now at " + group(p.Op)
	}
	return "of the rewrite"
}

// switchNote says what the switch means now.
func switchNote(l *state.Lab) string {
	switch {
	case l.Power.Switch == state.SwitchOff:
		return "Switch it on, and it boots from what is in its flash."
	case l.Power.CutAt > 0:
		return "Armed: the power fails inside flash operation " + group(l.Power.CutAt) + "."
	}
	return "Pull it at any moment. Whatever was in RAM is lost."
}
