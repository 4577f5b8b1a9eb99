package words

import (
	"os"
	"strings"

	"unbrick/restore"
	"unbrick/terminal"
	"unbrick/webui/state"
)

// shownRows is how many events stand on the screen; all of them are in the saved file.
const shownRows = 40

// LogLine is one event as a person reads it.
type LogLine struct{ Class, Time, Tag, Text string }

func LogLines(rows []state.LogRow, runs []state.SectorRun) []LogLine {
	rows = rows[max(0, len(rows)-shownRows):]
	lines := make([]LogLine, len(rows))
	for i := range rows {
		lines[i] = logLineOf(&rows[i], runs)
	}
	return lines
}

func logLineOf(r *state.LogRow, runs []state.SectorRun) LogLine {
	l := LogLine{Class: "event", Time: Seconds(r.Time, 3) + " s", Text: logText(r, runs)}
	if r.Step >= 1 && r.Step <= 20 {
		l.Tag = stepID(int(r.Step))
	}
	if r.Source != state.SourceTerminal && (r.Code == state.LogCut || r.Code == state.LogFault) {
		l.Class, l.Tag = "cutline", "CUT"
		if r.Code == state.LogFault {
			l.Tag = "FAULT"
		}
	}
	return l
}

// LogFile is the whole log as a text file.
func LogFile(rows []state.LogRow, runs []state.SectorRun) []byte {
	var b strings.Builder
	for i := range rows {
		l := logLineOf(&rows[i], runs)
		b.WriteString(l.Time + "\t" + l.Tag + "\t" + strings.ReplaceAll(l.Text, Gap, " ") + "\n")
	}
	return []byte(b.String())
}

// terminalForms are the sentences of the terminal's events, logForms those of the others. What stands behind a $ is a place, which
// logPlace fills from the row.
var (
	terminalForms = [...]string{
		terminal.EventReset:        "boot${: name}$faults",
		terminal.EventIdentity:     "boot: identification read; trusts ${a key}${ name}",
		terminal.EventRecord:       "boot: record number $a${: name}",
		terminal.EventNoRecord:     "boot: no valid record",
		terminal.EventDoubtful:     "$at is doubtful",
		terminal.EventDigest:       "digest of $a bytes in ${b seconds}${: name}",
		terminal.EventRunning:      "running${ release name}, not confirmed yet",
		terminal.EventRestore:      "restoration mode${: name}",
		terminal.EventRefreshed:    "$at refreshed from itself, $a to go",
		terminal.EventNotWritten:   "record at ${a address} could not be written",
		terminal.EventHello:        "identification sent${; release name}; up to ${a memory} of workspace",
		terminal.EventInfo:         "update file information: $a bytes, needs a workspace of ${b memory}",
		terminal.EventNothing:      "no update${: name}",
		terminal.EventRefused:      "offer refused, nothing erased${: name}",
		terminal.EventStopped:      "stopped $app (${b memory})",
		terminal.EventStarted:      "started $app (${b memory})",
		terminal.EventSecured:      "workspace of ${b memory} secured at offset ${a address}",
		terminal.EventReleased:     "workspace given back",
		terminal.EventRequest:      "transfer of $b bytes requested at offset $a",
		terminal.EventData:         "$a of $b bytes received",
		terminal.EventReceived:     "$a bytes received, digest right",
		terminal.EventBroken:       "transfer broke at $a of $b bytes",
		terminal.EventDisconnected: "link closed",
		terminal.EventResident:     "all applications stopped; ${a memory} of code runs from RAM",
		terminal.EventProof:        "proof before erase: ${a sector}, outcome matches the manifest, ${b seconds}",
		terminal.EventProofFailed:  "proof before erase: another outcome; nothing erased",
		terminal.EventIntent:       "intent written${: rewriting to release name}, ${a sector}",
		terminal.EventMark:         "$at marked, ${a mark} left",
		terminal.EventSector:       "$at written and read back, $a of $b",
		terminal.EventRetry:        "$at did not take it, attempt $a",
		terminal.EventDead:         "sector at ${a address} is dead",
		terminal.EventVerdict:      "verdict: bad; the image is not the wanted one",
		terminal.EventInstalled:    "record written: installed${ release name}",
		terminal.EventConfirmed:    "confirmed${ name}; security floor $a",
		terminal.EventPrepare:      "record renewed, number $a",
		terminal.EventWaiting:      "listening on the cable",
		terminal.EventConnected:    "a host asks",
		terminal.EventBegun:        "manifest accepted${: release name}",
		terminal.EventDenied:       "request refused${: name}",
		terminal.EventReceiving:    "$a of $b bytes received over the cable",
		terminal.EventRestored:     "restored${: release name}",
		terminal.EventResetAsked:   "the host asks for a reset",
		terminal.EventErased:       "$at of a settings area erased, $a of $b",
		terminal.EventReceipt:      "receipt signed, of record $a",
	}
	logForms = [...]string{
		state.LogPowerOn:     "power on",
		state.LogPowerOff:    "power off, between flash operations",
		state.LogCut:         "power cut inside flash operation $a; the tear leaves $tear",
		state.LogReset:       "reset",
		state.LogFault:       "hardware rule broken${: name}",
		state.LogMade:        "made with $release",
		state.LogLinkOpen:    "server: link open",
		state.LogMaking:      "server: an update file is being made${ for release name}$later",
		state.LogInfo:        "server: update file of $a bytes, needs a workspace of ${b memory}",
		state.LogNoUpdate:    "server: nothing newer",
		state.LogRequested:   "server: asked for bytes from offset $a",
		state.LogSending:     "server: $a bytes sent",
		state.LogServerAway:  "the server does not answer",
		state.LogIdentified:  "apparatus: identified${, serial name}, digests of ${a sector}",
		state.LogSelected:    "apparatus: $release; ${a sector}, $b bytes",
		state.LogSent:        "apparatus: $a of ${b sector} sent",
		state.LogRestored:    "apparatus: $release restored; ${a sector} written, $b bytes sent",
		state.LogEnded:       "apparatus: ended, $cause",
		state.LogHealth:      "application: $health",
		state.LogNotNeeded:   "apparatus: nothing to write; started",
		state.LogStoreWarned: "this browser did not keep the flash; a reload would lose it",
		state.LogReplay:      "$name",
		state.LogMessage:     "$name",
		state.LogPacket:      "$name",
		state.LogServerEnded: "server: it ended the session${: name}$later",
		state.LogMissed:      "the rewrite had $b flash operations: the cut at $a was not reached, and is no longer armed",
		state.LogOffered:     "server: $release is there; the update waits until it is asked for",
	}
)

// logText is an event in words. runs is the flash's geometry, for addresses.
func logText(r *state.LogRow, runs []state.SectorRun) string {
	forms, good := logForms[:], false
	if r.Source == state.SourceTerminal {
		forms, good = terminalForms[:], r.A == 1
	}
	form := word(forms, r.Code)
	switch code := terminal.EventCode(min(r.Code, 255)); {
	case form == "":
		form = "event " + Group(uint64(r.Code))
	case r.Source != state.SourceTerminal:
	case code == terminal.EventRunning && good:
		form = "running${ release name}, confirmed"
	case code == terminal.EventVerdict && good:
		form = "verdict: good${; the image is release name}"
	case code == terminal.EventResident && r.Step == 15:
		form = "no application runs; ${a memory} of code runs from RAM"
	}
	return os.Expand(form, func(place string) string { return logPlace(r, runs, place) })
}

// logPlace is what a row has for a place of its sentence. Words that end in "name" stand before what the row is about, and are left out
// with it; a number is written as it is, as an amount of what follows it, or as a count of that.
func logPlace(r *state.LogRow, runs []state.SectorRun, place string) string {
	switch place {
	case "at":
		return logSector(r.Sector, runs)
	case "release":
		return releaseName(r.Text)
	case "app":
		if r.Text == "" {
			return "region " + Group(uint64(r.A))
		}
		return r.Text
	case "tear":
		return Tear(state.Tear(min(r.B, 255)))
	case "health":
		return Health(state.Health(min(r.A, 255)))
	case "cause":
		return causeWords(restore.Code(min(r.A, 255)))
	case "faults":
		if r.B > 0 {
			return "; " + Count(int(r.B), "fault reset", "fault resets") + " in a row"
		}
		return ""
	case "later": // when a server wants to be asked again, if it does
		if r.A > 0 {
			return "; ask again in " + Count(int(r.A), "second", "seconds")
		}
		return ""
	}
	if before, ok := strings.CutSuffix(place, "name"); ok {
		if r.Text == "" {
			return ""
		}
		return before + r.Text
	}
	number, of, _ := strings.Cut(place, " ")
	n := r.A
	if number == "b" {
		n = r.B
	}
	switch of {
	case "":
		return Group(uint64(n))
	case "memory":
		return memory(n)
	case "address":
		return HexAddr(n)
	case "seconds":
		return Seconds(micros(n), 3) + " s"
	}
	return Count(int(n), of, of+"s")
}

// logSector names a sector, if there is one.
func logSector(sector uint32, runs []state.SectorRun) string {
	if sector == state.NoSector {
		return ""
	}
	at := "sector " + Group(uint64(sector))
	if addr, size := state.SectorAt(runs, int(min(sector, state.MaxSectors))); size > 0 {
		at += " at " + HexAddr(addr)
	}
	return at
}

// causeWords is what ended an attempt, as a log says it, with the number that support asks for.
func causeWords(c restore.Code) string {
	p := failed(&state.RestoreFailed{Failure: state.Failure{Code: c}})
	return Lower(strings.TrimSuffix(p.Heading, ".")) + " (" + CauseCode(c) + ")"
}

// because puts a reason after some words, if there is one.
func because(words, reason string) string {
	if reason == "" {
		return words
	}
	return words + ": " + reason
}

// memory writes an amount of RAM: in KiB from one KiB on.
func memory(n uint32) string {
	if n < 1024 {
		return Count(int(n), "byte", "bytes")
	}
	return kibNumber(n) + " KiB"
}
