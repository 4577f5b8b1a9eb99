package main

import (
	"fmt"
	"time"

	"unbrick/lab"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/terminal"
	"unbrick/terminal/record"
)

// eventLine is an event as emulate prints it: device time, step, what happened, and what its numbers are.
func (e *emulation) eventLine(ev *lab.Event) string {
	step := "   "
	if ev.Step > 0 {
		step = fmt.Sprintf("S%02d", ev.Step)
	}
	line := fmt.Sprintf("%10.3f s  %s  %-16s", ev.Time.Seconds(), step, ev.Code)
	if ev.Sector >= 0 {
		addr, _ := e.device.Model().Layout.Geometry.Sector(int(ev.Sector))
		line += fmt.Sprintf("  sector %d (0x%06x)", ev.Sector, addr)
	}
	if words := eventWords(&ev.Event); words != "" {
		line += "  " + words
	}
	if ev.Operation > 0 {
		line += fmt.Sprintf("  operation %d", ev.Operation)
	}
	return line
}

// eventWords says what A and B of an event are.
func eventWords(ev *terminal.Event) string {
	a, b := ev.A, ev.B
	sectors := func(n uint32) string { return counted(n, "sector") }
	form := map[terminal.EventCode]string{ // by the places of A and B
		terminal.EventNotWritten: "at 0x%06[1]x", terminal.EventDead: "at 0x%06[1]x", terminal.EventHello: "workspace of up to %[1]d bytes",
		terminal.EventStopped: "region %[1]d, %[2]d bytes", terminal.EventStarted: "region %[1]d, %[2]d bytes",
		terminal.EventSecured: "%[2]d bytes from offset %[1]d", terminal.EventRequest: "from byte %[1]d of %[2]d",
		terminal.EventData: "%[1]d of %[2]d bytes", terminal.EventBroken: "%[1]d of %[2]d bytes", terminal.EventReceiving: "%[1]d of %[2]d bytes",
		terminal.EventSector: "%[1]d of %[2]d", terminal.EventErased: "%[1]d of %[2]d", terminal.EventRetry: "attempt %[1]d",
		terminal.EventInstalled: "record number %[1]d", terminal.EventPrepare: "record number %[1]d", terminal.EventConfirmed: "floor %[1]d",
	}[ev.Code]
	if form != "" {
		return fmt.Sprintf(form, a, b)
	}
	took := time.Duration(b) * time.Microsecond
	switch ev.Code {
	case terminal.EventReset:
		s := terminal.ResetCause(a).String()
		if b > 0 {
			s += ", " + counted(b, "fault") + " in a row"
		}
		return s
	case terminal.EventIdentity:
		return "trusts " + counted(a, "key")
	case terminal.EventRecord:
		return fmt.Sprintf("number %d, %v", a, record.State(b))
	case terminal.EventDigest:
		return fmt.Sprintf("%d bytes in %v", a, took)
	case terminal.EventRunning:
		return map[bool]string{true: "not confirmed yet", false: "confirmed"}[a == 0]
	case terminal.EventRestore:
		if why := smp.Why(a); why != smp.WhyUnknown { // else a rewrite that goes no further
			return whyWords(why.String())
		}
	case terminal.EventRefreshed:
		return sectors(a) + " left"
	case terminal.EventInfo:
		if a == 0 {
			return "no update file"
		}
		return fmt.Sprintf("update file of %d bytes, needs a workspace of %d", a, b)
	case terminal.EventNothing:
		return protocol.Reason(a).String()
	case terminal.EventRefused:
		return protocol.Fault(a).String()
	case terminal.EventReceived, terminal.EventResident:
		return counted(a, "byte")
	case terminal.EventProof:
		return fmt.Sprintf("%s to write, in %v", sectors(a), took)
	case terminal.EventIntent:
		return sectors(a) + " to write"
	case terminal.EventMark:
		return counted(a, "mark") + " left"
	case terminal.EventVerdict:
		return map[bool]string{true: "another image than the wanted one", false: "the wanted image"}[a == 0]
	case terminal.EventDenied, terminal.EventProofFailed:
		if a != 0 || ev.Code == terminal.EventDenied {
			return smp.Fault(a).String()
		}
	}
	return ""
}

// counted is a number of things with an s.
func counted(n uint32, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
