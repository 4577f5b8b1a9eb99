package state

import "unbrick/internal/pack"

// Command is one wish of the person, sent from page to engine: one of the structs below. A new one is written here, in the list of
// commands behind them, and where the work that it is for acts on it.
type Command interface{ isCommand() }

// ForRestore and ForLab are the commands for the one and the other.
type (
	ForRestore interface {
		Command
		forRestore()
	}
	ForLab interface {
		Command
		forLab()
	}
)

// toRestore and toLab make a struct a command.
type (
	toRestore struct{}
	toLab     struct{}
)

func (toRestore) isCommand()  {}
func (toRestore) forRestore() {}
func (toLab) isCommand()      {}
func (toLab) forLab()         {}

// Restore commands.
type (
	// Connect asks for a port. The page shows the browser's chooser in the same click and sends
	// Connect only after a choice, else ChooserClosed.
	Connect struct{ toRestore }
	// ChooserClosed says that nothing was chosen.
	ChooserClosed struct{ toRestore }
	// DoesNotAnswer leaves the list of helps for the coach: open what was allowed earlier.
	DoesNotAnswer struct{ toRestore }
	// WayDone says that the person did what the coach asked; the next way is tried.
	WayDone struct{ toRestore }
	// Choose wants another release written.
	Choose struct {
		toRestore
		Digest [32]byte
	}
	// AddFile brings a release file that the person chose.
	AddFile struct {
		toRestore
		Name string
		Data []byte `max:"file"`
	}
	// Write starts the restoration of the plan. With Erase the device's settings areas are erased when its
	// software is verified: the person has been told what is lost, and asked again.
	Write struct {
		toRestore
		Erase bool
	}
	// Start starts a device that is already right. Erase is as in Write.
	Start struct {
		toRestore
		Erase bool
	}
	// GoOn takes an ended attempt up again on the same port, more slowly after CodeNoisy.
	GoOn struct{ toRestore }
	// Home goes back to RestoreIdle, closing the port.
	Home struct{ toRestore }
	// Resume takes up the pending job of the device that is connected; it asks for the port as Connect does.
	Resume struct{ toRestore }
	// Forget drops the pending job of a device.
	Forget struct {
		toRestore
		Model, Serial string
	}
	// SaveDiagnostic answers with a Download of the attempt's commands and times.
	SaveDiagnostic struct{ toRestore }
	// SaveBackup reads the device's software area, before it is written, and answers with a Download.
	SaveBackup struct{ toRestore }
	// SaveReport answers with a Download of the result.
	SaveReport struct{ toRestore }
)

// Lab commands.
type (
	// LabMake makes a device from the factory, in place of the present one.
	LabMake struct {
		toLab
		Model  string
		Digest [32]byte // release it is made with
	}
	// LabUpdate opens the link for one session.
	LabUpdate struct{ toLab }
	// LabPower moves the switch.
	LabPower struct {
		toLab
		Switch Switch
	}
	// LabCut arms a cut inside flash operation At; At 0 disarms.
	LabCut struct {
		toLab
		At   uint64
		Tear Tear
	}
	// LabLine sets cable and pace.
	LabLine struct {
		toLab
		Line Line
	}
	// LabHealth sets how the application behaves.
	LabHealth struct {
		toLab
		Health Health
	}
	// LabRestore restores over the virtual cable; a zero digest leaves the choice to the apparatus.
	LabRestore struct {
		toLab
		Digest [32]byte
	}
	// LabReplay plays a run: that with an id, or with an empty one the last cut of the Lab's device.
	LabReplay struct {
		toLab
		ID string `max:"replay"`
	}
	// LabSeek goes to a stop of the replay; with Turn 1 to the next and with -1 to the last one before it
	// that is about another sector of the software.
	LabSeek struct {
		toLab
		At   uint32
		Turn int
	}
	// LabReplayEnd goes back to the device.
	LabReplayEnd struct{ toLab }
)

// commands are all of them.
var commands = pack.Forms[Command](
	Connect{},
	ChooserClosed{},
	DoesNotAnswer{},
	WayDone{},
	Choose{},
	AddFile{},
	Write{},
	Start{},
	GoOn{},
	Home{},
	Resume{},
	Forget{},
	SaveDiagnostic{},
	SaveBackup{},
	SaveReport{},
	LabMake{},
	LabUpdate{},
	LabPower{},
	LabCut{},
	LabLine{},
	LabHealth{},
	LabRestore{},
	LabReplay{},
	LabSeek{},
	LabReplayEnd{},
)

// Download is a file for the person, sent from engine to page beside the states.
type Download struct {
	Name string
	Data []byte
}
