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
		return fmt.Sprintf("%d bytes in %v", a, time.Duration(b)*time.Microsecond)
	case terminal.EventRunning:
		if a == 0 {
			return "not confirmed yet"
		}
		return "confirmed"
	case terminal.EventRestore:
		if smp.Why(a) == smp.WhyUnknown { // a rewrite that goes no further
			return ""
		}
		return whyWords(smp.Why(a).String())
	case terminal.EventRefreshed:
		return sectors(a) + " left"
	case terminal.EventNotWritten:
		return fmt.Sprintf("at 0x%06x", a)
	case terminal.EventHello:
		return fmt.Sprintf("workspace of up to %d bytes", a)
	case terminal.EventInfo:
		if a == 0 {
			return "no update file"
		}
		return fmt.Sprintf("update file of %d bytes, needs a workspace of %d", a, b)
	case terminal.EventNothing:
		return protocol.Reason(a).String()
	case terminal.EventRefused:
		return protocol.Fault(a).String()
	case terminal.EventStopped, terminal.EventStarted:
		return fmt.Sprintf("region %d, %d bytes", a, b)
	case terminal.EventSecured:
		return fmt.Sprintf("%d bytes from offset %d", b, a)
	case terminal.EventRequest:
		return fmt.Sprintf("from byte %d of %d", a, b)
	case terminal.EventReceived, terminal.EventResident:
		return counted(a, "byte")
	case terminal.EventData, terminal.EventBroken, terminal.EventReceiving:
		return fmt.Sprintf("%d of %d bytes", a, b)
	case terminal.EventProof:
		return fmt.Sprintf("%s to write, in %v", sectors(a), time.Duration(b)*time.Microsecond)
	case terminal.EventIntent:
		return sectors(a) + " to write"
	case terminal.EventMark:
		return counted(a, "mark") + " left"
	case terminal.EventSector, terminal.EventErased:
		return fmt.Sprintf("%d of %d", a, b)
	case terminal.EventRetry:
		return fmt.Sprintf("attempt %d", a)
	case terminal.EventDead:
		return fmt.Sprintf("at 0x%06x", a)
	case terminal.EventVerdict:
		if a == 0 {
			return "another image than the wanted one"
		}
		return "the wanted image"
	case terminal.EventInstalled, terminal.EventPrepare:
		return fmt.Sprintf("record number %d", a)
	case terminal.EventConfirmed:
		return fmt.Sprintf("floor %d", a)
	case terminal.EventDenied:
		return smp.Fault(a).String()
	case terminal.EventProofFailed:
		if a == 0 {
			return ""
		}
		return smp.Fault(a).String()
	case terminal.EventNoRecord, terminal.EventDoubtful, terminal.EventReleased, terminal.EventDisconnected, terminal.EventWaiting,
		terminal.EventConnected, terminal.EventBegun, terminal.EventRestored, terminal.EventResetAsked:
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
