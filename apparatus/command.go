package apparatus

// Command is one wish of the person, sent from page to engine. Each is a plain struct below.
type Command interface{ command() }

// Restore commands.
type (
	// Connect asks for a port. The page shows the browser's chooser in the same click and sends
	// Connect only after a choice, else ChooserClosed.
	Connect struct{}
	// ChooserClosed says that nothing was chosen.
	ChooserClosed struct{}
	// DoesNotAnswer leaves the list of helps for the coach: open what was allowed earlier.
	DoesNotAnswer struct{}
	// WayDone says that the person did what the coach asked; the next way is tried.
	WayDone struct{}
	// Choose wants another release written.
	Choose struct{ Digest [32]byte }
	// AddFile brings a release file that the person chose.
	AddFile struct {
		Name string
		Data []byte
	}
	// Write starts the restoration of the plan. With Erase the device's settings areas are erased when its
	// software is verified: the person has been told what is lost, and asked again.
	Write struct{ Erase bool }
	// Start starts a device that is already right. Erase is as in Write.
	Start struct{ Erase bool }
	// GoOn takes an ended attempt up again on the same port, more slowly after CauseNoisy.
	GoOn struct{}
	// Home goes back to RestoreIdle, closing the port.
	Home struct{}
	// Resume takes up the pending job of the device that is connected; it asks for the port as Connect does.
	Resume struct{}
	// Forget drops the pending job of a device.
	Forget struct{ Model, Serial string }
	// SaveDiagnostic answers with a Download of the attempt's commands and times.
	SaveDiagnostic struct{}
	// SaveBackup reads the device's software area, before it is written, and answers with a Download.
	SaveBackup struct{}
	// SaveReport answers with a Download of the result.
	SaveReport struct{}
)

// Lab commands.
type (
	// LabMake makes a device from the factory, in place of the present one.
	LabMake struct {
		Model  string
		Digest [32]byte // release it is made with
	}
	// LabUpdate opens the link for one session.
	LabUpdate struct{}
	// LabPower moves the switch.
	LabPower struct{ Switch Switch }
	// LabCut arms a cut inside flash operation At; At 0 disarms.
	LabCut struct {
		At   uint64
		Tear Tear
	}
	// LabLine sets cable and pace.
	LabLine struct{ Line Line }
	// LabHealth sets how the application behaves.
	LabHealth struct{ Health Health }
	// LabRestore restores over the virtual cable; a zero digest leaves the choice to the apparatus.
	LabRestore struct{ Digest [32]byte }
	// LabReplay plays a run: that with an id, or with an empty one the last cut of the Lab's device.
	LabReplay struct{ ID string }
	// LabSeek goes to a stop of the replay; with Turn 1 to the next and with -1 to the last one before it
	// that is about another sector of the software.
	LabSeek struct {
		At   uint32
		Turn int
	}
	// LabReplayEnd goes back to the device.
	LabReplayEnd struct{}
)

func (Connect) command()        {}
func (ChooserClosed) command()  {}
func (DoesNotAnswer) command()  {}
func (WayDone) command()        {}
func (Choose) command()         {}
func (AddFile) command()        {}
func (Write) command()          {}
func (Start) command()          {}
func (GoOn) command()           {}
func (Home) command()           {}
func (Resume) command()         {}
func (Forget) command()         {}
func (SaveDiagnostic) command() {}
func (SaveReport) command()     {}
func (SaveBackup) command()     {}
func (LabMake) command()        {}
func (LabUpdate) command()      {}
func (LabPower) command()       {}
func (LabCut) command()         {}
func (LabLine) command()        {}
func (LabHealth) command()      {}
func (LabRestore) command()     {}
func (LabReplay) command()      {}
func (LabSeek) command()        {}
func (LabReplayEnd) command()   {}

// Download is a file for the person, sent from engine to page beside the states.
type Download struct {
	Name string
	Data []byte
}
