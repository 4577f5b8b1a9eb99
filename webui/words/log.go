package words

import (
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

// logText is an event in words. runs is the flash's geometry, for addresses.
func logText(r *state.LogRow, runs []state.SectorRun) string {
	if r.Source == state.SourceTerminal {
		return terminalText(r, runs)
	}
	a, b, n := Group(uint64(r.A)), Group(uint64(r.B)), r.Text
	switch r.Code {
	case state.LogPowerOn:
		return "power on"
	case state.LogPowerOff:
		return "power off, between flash operations"
	case state.LogCut:
		return "power cut inside flash operation " + a + "; the tear leaves " + Tear(state.Tear(min(r.B, 255)))
	case state.LogReset:
		return "reset"
	case state.LogFault:
		return because("hardware rule broken", n)
	case state.LogMade:
		return "made with " + releaseName(n)
	case state.LogLinkOpen:
		return "server: link open"
	case state.LogMaking:
		return about("server: an update file is being made", " for release ", n) + later(r.A)
	case state.LogInfo:
		return "server: update file of " + a + " bytes, needs a workspace of " + memory(r.B)
	case state.LogNoUpdate:
		return "server: nothing newer"
	case state.LogRequested:
		return "server: asked for bytes from offset " + a
	case state.LogSending:
		return "server: " + a + " bytes sent"
	case state.LogServerAway:
		return "the server does not answer"
	case state.LogIdentified:
		return about("apparatus: identified", ", serial ", n) + ", digests of " + Count(int(r.A), "sector", "sectors")
	case state.LogSelected:
		return "apparatus: " + releaseName(n) + "; " + Count(int(r.A), "sector", "sectors") + ", " + b + " bytes"
	case state.LogSent:
		return "apparatus: " + a + " of " + Count(int(r.B), "sector", "sectors") + " sent"
	case state.LogRestored:
		return "apparatus: " + releaseName(n) + " restored; " + Count(int(r.A), "sector", "sectors") + " written, " + b + " bytes sent"
	case state.LogEnded:
		return "apparatus: ended, " + causeWords(restore.Code(min(r.A, 255)))
	case state.LogHealth:
		return "application: " + Health(state.Health(min(r.A, 255)))
	case state.LogNotNeeded:
		return "apparatus: nothing to write; started"
	case state.LogReplay, state.LogMessage, state.LogPacket:
		return n
	case state.LogServerEnded:
		return because("server: it ended the session", n) + later(r.A)
	case state.LogMissed:
		return "the rewrite had " + b + " flash operations: the cut at " + a + " was not reached, and is no longer armed"
	case state.LogOffered:
		return "server: " + releaseName(n) + " is there; the update waits until it is asked for"
	case state.LogStoreWarned:
		return "this browser did not keep the flash; a reload would lose it"
	}
	return "event " + Group(uint64(r.Code))
}

// causeWords is what ended an attempt, as a log says it, with the number that support asks for.
func causeWords(c restore.Code) string {
	p := failed(&state.RestoreFailed{Failure: state.Failure{Code: c}})
	return Lower(strings.TrimSuffix(p.Heading, ".")) + " (" + CauseCode(c) + ")"
}

// named puts a name after some words, if there is one.
func named(words, name string) string {
	if name == "" {
		return words
	}
	return words + " " + name
}

// because puts a reason after some words, if there is one.
func because(words, reason string) string {
	if reason == "" {
		return words
	}
	return words + ": " + reason
}

// later says when a server wants to be asked again, if it does.
func later(seconds uint32) string {
	if seconds == 0 {
		return ""
	}
	return "; ask again in " + Count(int(seconds), "second", "seconds")
}

// about puts a name after some words and what joins them, if there is one.
func about(words, join, name string) string {
	if name == "" {
		return words
	}
	return words + join + name
}

// memory writes an amount of RAM: in KiB from one KiB on.
func memory(n uint32) string {
	if n < 1024 {
		return Count(int(n), "byte", "bytes")
	}
	return kibNumber(n) + " KiB"
}

// app names an application, by its region where nothing better is known.
func app(r *state.LogRow) string {
	if r.Text == "" {
		return "region " + Group(uint64(r.A))
	}
	return r.Text
}

func terminalText(r *state.LogRow, runs []state.SectorRun) string {
	a, b, n := Group(uint64(r.A)), Group(uint64(r.B)), r.Text
	at := ""
	if r.Sector != state.NoSector {
		at = "sector " + Group(uint64(r.Sector))
		if addr, size := state.SectorAt(runs, int(min(r.Sector, state.MaxSectors))); size > 0 {
			at += " at " + HexAddr(addr)
		}
	}
	switch terminal.EventCode(min(r.Code, 255)) {
	case terminal.EventReset:
		s := because("boot", n)
		if r.B > 0 {
			s += "; " + Count(int(r.B), "fault reset", "fault resets") + " in a row"
		}
		return s
	case terminal.EventIdentity:
		return named("boot: identification read; trusts "+Count(int(r.A), "key", "keys"), n)
	case terminal.EventRecord:
		return because("boot: record number "+a, n)
	case terminal.EventNoRecord:
		return "boot: no valid record"
	case terminal.EventDoubtful:
		return at + " is doubtful"
	case terminal.EventDigest:
		return because("digest of "+a+" bytes in "+Seconds(micros(r.B), 3)+" s", n)
	case terminal.EventRunning:
		if r.A == 1 {
			return about("running", " release ", n) + ", confirmed"
		}
		return about("running", " release ", n) + ", not confirmed yet"
	case terminal.EventRestore:
		return because("restoration mode", n)
	case terminal.EventRefreshed:
		return at + " refreshed from itself, " + a + " to go"
	case terminal.EventNotWritten:
		return "record at " + HexAddr(r.A) + " could not be written"
	case terminal.EventHello:
		return about("identification sent", "; release ", n) + "; up to " + memory(r.A) + " of workspace"
	case terminal.EventInfo:
		return "update file information: " + a + " bytes, needs a workspace of " + memory(r.B)
	case terminal.EventNothing:
		return because("no update", n)
	case terminal.EventRefused:
		return because("offer refused, nothing erased", n)
	case terminal.EventStopped:
		return named("stopped", app(r)) + " (" + memory(r.B) + ")"
	case terminal.EventStarted:
		return named("started", app(r)) + " (" + memory(r.B) + ")"
	case terminal.EventSecured:
		return "workspace of " + memory(r.B) + " secured at offset " + HexAddr(r.A)
	case terminal.EventReleased:
		return "workspace given back"
	case terminal.EventRequest:
		return "transfer of " + b + " bytes requested at offset " + a
	case terminal.EventData:
		return a + " of " + b + " bytes received"
	case terminal.EventReceived:
		return a + " bytes received, digest right"
	case terminal.EventBroken:
		return "transfer broke at " + a + " of " + b + " bytes"
	case terminal.EventDisconnected:
		return "link closed"
	case terminal.EventResident:
		if r.Step == 15 {
			return "no application runs; " + memory(r.A) + " of code runs from RAM"
		}
		return "all applications stopped; " + memory(r.A) + " of code runs from RAM"
	case terminal.EventProof:
		return "proof before erase: " + Count(int(r.A), "sector", "sectors") + ", outcome matches the manifest, " + Seconds(micros(r.B), 3) + " s"
	case terminal.EventProofFailed:
		return "proof before erase: another outcome; nothing erased"
	case terminal.EventIntent:
		return about("intent written", ": rewriting to release ", n) + ", " + Count(int(r.A), "sector", "sectors")
	case terminal.EventMark:
		return at + " marked, " + Count(int(r.A), "mark", "marks") + " left"
	case terminal.EventSector:
		return at + " written and read back, " + a + " of " + b
	case terminal.EventRetry:
		return at + " did not take it, attempt " + a
	case terminal.EventDead:
		return "sector at " + HexAddr(r.A) + " is dead"
	case terminal.EventVerdict:
		if r.A == 1 {
			return about("verdict: good", "; the image is release ", n)
		}
		return "verdict: bad; the image is not the wanted one"
	case terminal.EventInstalled:
		return about("record written: installed", " release ", n)
	case terminal.EventConfirmed:
		return named("confirmed", n) + "; security floor " + a
	case terminal.EventPrepare:
		return "record renewed, number " + a
	case terminal.EventWaiting:
		return "listening on the cable"
	case terminal.EventConnected:
		return "a host asks"
	case terminal.EventBegun:
		return about("manifest accepted", ": release ", n)
	case terminal.EventDenied:
		return because("request refused", n)
	case terminal.EventReceiving:
		return a + " of " + b + " bytes received over the cable"
	case terminal.EventRestored:
		return about("restored", ": release ", n)
	case terminal.EventResetAsked:
		return "the host asks for a reset"
	case terminal.EventErased:
		return at + " of a settings area erased, " + a + " of " + b
	}
	return "event " + Group(uint64(r.Code))
}
