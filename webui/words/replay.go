package words

import "unbrick/webui/state"

// replayState is the line under the headline while a replay is wanted.
func replayState(x state.Replay) (lamp, words string) {
	const untouched = " The device itself is not touched."
	switch x := x.(type) {
	case state.ReplayMaking:
		return "live", "Computing the run anew, from its images."
	case state.ReplayReady:
		if x.CutOp == 0 {
			return "hold", "Replay of a run." + untouched
		}
		return "hold", "Replay of a cut at flash operation " + Group(uint64(x.CutOp)) + "." + untouched
	case state.ReplayMissing:
		return "bad", "The replay needs the image whose SHA-256 begins with " + x.Image + ". It is neither in this browser nor on the server."
	case state.ReplayFailed:
		return "bad", "This replay cannot be shown: " + x.Why + "."
	}
	return "hold", ""
}

// Replay says what happens at the stop that is shown.
func Replay(l *state.Lab) string {
	x, _ := l.Replay.(state.ReplayReady)
	end := ""
	switch x.Do {
	case state.DoBefore:
		return "Before the first flash operation."
	case state.DoPower:
		return "Power comes back, and the device boots."
	case state.DoBoot:
		return "The device boots."
	case state.DoEnd:
		switch l.Phase {
		case state.LabRunning:
			return "The end: release " + l.Runs + " runs."
		case state.LabBricked:
			return "The end: it waits in restoration mode."
		}
		end = "The end: "
	case state.DoErase, state.DoProgram:
	}
	if x.Sector == state.NoSector {
		return end + "no flash operation."
	}
	addr, _ := state.SectorAt(l.Map.Facts.Runs, int(x.Sector))
	what := "Erase of "
	if x.Do != state.DoErase {
		what = Count(int(x.Bytes), "byte", "bytes") + " programmed into "
	}
	if x.Record {
		what += "record "
	}
	what += "sector " + HexAddr(addr)
	if x.Of > 0 {
		what += ", " + Group(uint64(x.Done)) + " of " + Group(uint64(x.Of))
	}
	what += "."
	if x.Cut {
		what += " Power failed here: " + Tear(x.Tear) + "."
	}
	return end + what
}
