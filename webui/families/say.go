package families

import (
	"strings"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/family"
	"unbrick/restore/recognise"
	"unbrick/webui/state"
	"unbrick/webui/words"
)

const nothingWritten = " Nothing has been written."

// names are the kinds for a person who may never have heard of them.
var names = map[recognise.Kind]string{
	recognise.ESP: "Espressif chip", recognise.STK500v1: "AVR board", recognise.STK500v2: "AVR board", recognise.Urboot: "AVR board",
	recognise.STM32: "STM32 chip", recognise.UBoot: "Device with U-Boot", recognise.Linux: "Device with Linux",
	recognise.AVR109: "Arduino board",
}

// greeting is what stands there until the device has said who it is.
func greeting(k recognise.Kind) state.Told {
	return state.Told{Device: names[k], Heading: "Found its boot loader.", Lead: "Asking which chip it is, and what " +
		"protects it." + nothingWritten}
}

// named is what is said of a device that this page only recognises.
func named(f *recognise.Found) state.Told {
	t := state.Told{Device: names[f.Kind], Says: boottext.Lines(f.Heard), Hint: "Your device is as it was. It can wait."}
	switch f.Kind {
	case recognise.STM32:
		t.Heading = "This is an STM32, waiting in its boot loader."
		t.Lead = "This page recognises it and cannot restore it yet. Use the tool of the chip’s maker, STM32CubeProgrammer, with this same cable."
	case recognise.UBoot:
		t.Heading = "This device runs U-Boot."
		t.Lead = "This page recognises it and cannot restore it yet. Its maker’s manual says which commands bring its software back."
	case recognise.Linux:
		t.Heading = "This device runs Linux."
		t.Lead = "Its system is up, so this cable shows its console. If it needs new software, use what its maker gives for that."
	case recognise.Urboot:
		t.Heading = "This board has urboot."
		t.Lead = "That boot loader has a protocol of its own, which this page does not speak. Use avrdude with the programmer urclock."
	case recognise.AVR109:
		t.Heading = "This looks like a Leonardo or Micro."
		t.Lead = "Its boot loader has a USB port of its own, which this page does not speak with. Use the Arduino program: " +
			"press reset twice, then upload."
	}
	t.Lead += nothingWritten
	return t
}

// protections are what a chip's protections mean for whoever holds it.
var protections = [family.Protections + 1]string{
	family.SecureBoot:        "Starts only what its maker has signed",
	family.SecureBootV1:      "Starts only what its maker has signed; its boot loader stays as it is",
	family.EncryptionDevelop: "Its flash is encrypted; the chip encrypts what is written",
	family.EncryptionRelease: "Its flash is encrypted, and only its maker can write it",
	family.SecureDownload:    "Its boot loader only writes: nothing can be read or checked",
	family.KeyRecovery:       "The begin of its flash holds keys, and is left alone",
}

var notes = [family.Notes + 1]string{
	family.NoVerify:  "This chip cannot verify what was written: pieces are read back instead",
	family.NoCompare: "This chip cannot say what it holds: all is written",
	family.SizeGuess: "The size of its flash is not its own word",
}

// ails say why a device that says something does not work.
var ails = map[boottext.Kind]string{
	boottext.ESPEmpty:     " It finds no program in its flash.",
	boottext.ESPCrash:     " Its program starts and crashes, again and again.",
	boottext.ESPBadImage:  " What is in its flash is damaged.",
	boottext.ESPFlashRead: " It cannot read a program from its flash.",
	boottext.ESPBrownout:  " Its supply voltage breaks down when its program starts: try another cable, or a socket of the computer itself.",
	boottext.ESPWatchdog:  " Its program hangs, and its watchdog resets it, again and again.",
}

// maxSays is how many lines of the device's own words stand on a screen.
const maxSays = 6

// says are the last lines of what it said.
func says(heard []byte) []string {
	lines := boottext.Lines(heard)
	return lines[max(0, len(lines)-maxSays):]
}

// told is the screen of the device at hand.
func (w *work) told() state.Told {
	b := w.board
	t := state.Told{Device: b.Name, Facts: w.boardFacts()}
	ail := ails[boottext.Cause(w.v.Found.Heard)]
	if w.diff == nil {
		t.Says = says(w.v.Found.Heard)
	}
	switch {
	case b.Sealed != nil:
		t.Heading = "This " + b.Name + " is sealed."
		t.Lead = "Its maker has protected it so that writing to it would make it useless. Only its maker can restore it." + ail + nothingWritten
	case w.diff == nil:
		t.Heading = "Found your " + b.Name + "."
		t.Lead = "Choose the firmware that its maker gives for it." + ail + nothingWritten
	case w.diff.Differ == 0:
		t.Heading = "It has this already."
		t.Lead = "Every block of its flash is what the file has. It only has to start." + ail
	case w.whole():
		t.Heading = "Found it. It can be restored."
		t.Lead = "Its boot loader takes the whole image and erases what is there first."
	case w.compares():
		t.Heading = "Found it. It can be restored."
		t.Lead = words.Group(uint64(w.diff.Differ)) + " of " + words.Count(w.diff.Blocks, "block differs", "blocks differ") +
			". Only those are written; what the file does not cover stays as it is." + ail
	default:
		t.Heading = "Found it. It can be restored."
		t.Lead = "What the file does not cover stays as it is." + ail
	}
	if w.chosen != nil && w.diff != nil {
		t.Facts = append(t.Facts, w.chosenFacts()...)
	}
	return t
}

// whole reports whether the device takes an image whole, as it is.
func (w *work) whole() bool { return w.board != nil && w.board.Family == family.MCUboot }

// compares reports whether the device could be asked what it holds.
func (w *work) compares() bool {
	for _, n := range w.board.Notes {
		if n == family.NoCompare {
			return false
		}
	}
	return true
}

func (w *work) boardFacts() []state.BoardFact {
	b := w.board
	var facts []state.BoardFact
	if b.Chip != "" {
		chip := state.BoardFact{Label: "Chip", Value: b.Name}
		if b.Revision != "" {
			chip.Small = "revision " + b.Revision
		}
		facts = append(facts, chip)
	}
	if b.Flash > 0 {
		facts = append(facts, state.BoardFact{Label: "Flash", Value: words.KiB(uint64(b.Flash))})
	}
	if b.Serial != "" {
		facts = append(facts, state.BoardFact{Label: "Number", Value: b.Serial, Mono: true})
	}
	facts = append(facts, state.BoardFact{Label: "Boot loader", Value: b.Loader})
	for _, r := range b.Listed {
		facts = append(facts, state.BoardFact{Label: r.Label, Value: r.Value, Small: r.Small, Mono: r.Mono})
	}
	for _, p := range b.Protections {
		facts = append(facts, state.BoardFact{Label: "Protection", Value: protections[p]})
	}
	for _, n := range b.Notes {
		facts = append(facts, state.BoardFact{Label: "Note", Value: notes[n]})
	}
	return facts
}

func (w *work) chosenFacts() []state.BoardFact {
	c := w.chosen
	facts := []state.BoardFact{{Label: "Will be written", Value: c.title(), Small: c.name, Rule: true}}
	facts = append(facts, c.facts...)
	for _, p := range c.parts {
		facts = append(facts, state.BoardFact{Label: p.Name, Value: words.KB(uint64(len(p.Data))), Small: "from " + words.HexAddr(p.Offset)})
	}
	if w.diff.Differ > 0 {
		facts = append(facts, state.BoardFact{Label: "To send", Value: words.KB(w.diff.Bytes)},
			state.BoardFact{Label: "Time", Value: "About " + words.AboutTime(w.diff.Work)})
	}
	return facts[:min(len(facts), state.MaxFacts-16)]
}

func (w *work) comparing() state.Told {
	return state.Told{Device: w.board.Name, Heading: "Comparing. Nothing is written yet."}
}

func (w *work) flashing() state.Told {
	t := state.Told{Device: w.board.Name, Heading: "Restoring. Leave the cable in."}
	if w.diff.Differ == 0 {
		t.Heading = "Checking it once more."
	}
	return t
}

func (w *work) reading() state.Told {
	return state.Told{Device: w.board.Name, Heading: "Saving what it holds. Nothing is written."}
}

var proofs = [...]string{
	family.ProofListed:  "Its boot loader has checked it, and lists it",
	family.ProofNone:    "Nothing could be asked: the chip took every block and said so",
	family.ProofSamples: "Pieces were read back, and are right",
	family.ProofRead:    "All of it was read back, and is right",
	family.ProofDigest:  "The chip computed a digest of all of it, and it is right",
}

// outcome is what is said of a start.
type outcome struct{ head, text string }

var outcomes = [...]outcome{
	family.Quiet: {"Restored. Look whether it runs.", "It was told to start, and says nothing at this port, as many programs do."},
	family.Runs:  {"Restored. It runs.", "It was started, and its program was heard. You can unplug it."},
	family.Crashes: {"Written, and it does not run.", "Its flash holds what the file has. Its program starts and " +
		"crashes, so this firmware may be for another board. Choose another file for it."},
	family.Empty: {"Written, and it does not start.", "Its boot loader finds no program. The file may be only a part " +
		"of what the device needs: look for one that is called merged, full or factory."},
	family.Waits: {"Restored. It waits to be started.", "It is still in its boot loader. Press its reset button, or " +
		"unplug it and plug it in again."},
	family.Unanswered: {"Written. Its boot loader lists it.", "The command to start was not answered, so whether the " +
		"device runs is not known. " +
		"Switch it off and on."},
	family.Tried: {"Written. Its boot loader tries it.", "Its boot loader took the command to start. Nothing has " +
		"answered since, as with most " +
		"programs. Unless its program confirms itself, the next restart brings the one before back."},
	family.OnTrial: {"Restored. It runs on trial.", "Unless its program confirms itself, the next restart brings the one " +
		"before back. You can unplug it."},
	family.Stays: {"Restored. It runs.", "It ran on trial, and was told to stay. You can unplug the device."},
	family.Unasked: {"Restored. Start it yourself.", "It cannot be started over this cable. Press its reset button, or " +
		"unplug it and plug it in again."},
}

// result is the screen behind a restoration.
func (w *work) result() state.Told {
	o := outcomes[w.sight.Outcome]
	t := state.Told{Device: w.board.Name, Heading: o.head, Lead: o.text, Says: says(w.sight.Heard)}
	t.Facts = []state.BoardFact{
		{Label: "It has", Value: w.chosen.title(), Small: w.chosen.name},
		{Label: "Verified", Value: proofs[w.proof], Check: w.proof >= family.ProofRead},
		{Label: "Written", Value: words.Group(uint64(w.diff.Differ)) + " of " + words.Count(w.diff.Blocks, "block", "blocks")},
		{Label: "Sent", Value: words.KB(w.loader.Stats().Sent), Small: "framing included"},
		{Label: "Took", Value: words.Seconds(w.took, 1) + " seconds"},
	}
	return t
}

// refusal is what is said of something that this device must not get, as its family says.
func (w *work) refusal(e *restore.Error) state.Told {
	t := state.Told{Device: w.board.Name, Heading: "This does not fit your " + w.board.Name + ".", Facts: w.boardFacts()}
	switch e.Code {
	case restore.CodeTooLarge:
		t.Lead = "It needs " + words.KiB(uint64(e.Needs)) + " of flash, and the device has " + words.KiB(uint64(e.Has)) + "."
	case restore.CodeReserved:
		t.Lead = "It would overwrite the device’s boot loader at " + words.HexAddr(e.Addr) + ", which restores it."
	case restore.CodeProtected:
		t.Lead = "The chip’s protection forbids it."
	default:
		t.Lead = sentence(e.Err)
	}
	t.Lead += nothingWritten + " Choose the file that is made for this device."
	return t
}

// sentence is an error as a sentence.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
