package words

import (
	"unbrick/restore"
	"unbrick/webui/state"
)

// BenchState is the drawing at the top of Restore: how its cable is drawn, a word, and the device's name.
type BenchState struct{ Line, Word, Device string }

// Bench is the drawing in each phase.
func Bench(s state.Restore) BenchState {
	b := BenchState{"on", "Connected", ""}
	switch s := s.(type) {
	case state.RestoreConnecting:
	case state.RestoreNoAnswer:
		b.Word = "No answer"
	case state.RestoreReading:
		b = BenchState{"on", "Reading", s.Device.Serial}
	case state.RestoreFound:
		b.Device = s.Device.Serial
	case state.RestoreUnknown:
		b.Device = s.Device.Serial
	case state.RestoreWithdrawn:
		b.Device = s.Device.Serial
	case state.RestoreRight:
		b = BenchState{"done", "Connected", s.Device.Serial}
	case state.RestoreWriting:
		b = BenchState{"live", stageWord(s.Progress.Stage), s.Device.Serial}
	case state.RestoreBoard:
		b.Device = s.Told.Device
	case state.RestoreFlashing:
		b = BenchState{"live", stageWord(s.Progress.Stage), s.Told.Device}
	case state.RestoreFlashed:
		b = BenchState{"done", "Verified", s.Told.Device}
		if s.Runs {
			b.Word = "Running"
		}
	case state.RestoreDone:
		b = BenchState{"done", "Verified", s.Device.Serial}
		if s.Result.Work == state.WorkStarted {
			b.Word = "Started"
		}
	case state.RestoreFailed:
		b = benchEnded(&s.Failure)
		b.Device = s.Serial
	default:
		b = BenchState{"open", "Not connected", ""}
	}
	if b.Device == "" {
		b.Device = "Your device"
	}
	return b
}

func benchEnded(f *state.Failure) BenchState {
	switch {
	case f.Code == restore.CodeVanished:
		return BenchState{"broken", "Cable out", ""}
	case f.Touched == restore.TouchedNothing && f.Stage >= restore.StageWrite:
		return BenchState{"refused", "Nothing written", ""}
	case f.Touched == restore.TouchedNothing:
		return BenchState{"refused", "Nothing sent", ""}
	}
	return BenchState{"refused", "Stopped", ""}
}

func stageWord(s restore.Stage) string {
	return [...]string{"Reading", "Reading", "Writing", "Verifying", "Erasing", "Starting"}[min(int(s), 5)]
}
