package apparatus

import (
	"errors"
	"fmt"

	"unbrick/internal/cbor"
)

// Numbers of the commands. Page and worker are always of one build, so they may be renumbered.
const (
	codeConnect = iota + 1
	codeChooserClosed
	codeDoesNotAnswer
	codeWayDone
	codeChoose
	codeAddFile
	codeWrite
	codeStart
	codeGoOn
	codeHome
	codeResume
	codeForget
	codeSaveDiagnostic
	codeSaveReport
	codeSaveBackup
	codeLabMake
	codeLabUpdate
	codeLabPower
	codeLabCut
	codeLabLine
	codeLabHealth
	codeLabRestore
	codeLabReplay
	codeLabSeek
	codeLabReplayEnd
)

// EncodeCommand returns the one encoding of a command.
func EncodeCommand(cmd Command) ([]byte, error) {
	c := &codec{w: cbor.Appending(nil)}
	switch v := cmd.(type) {
	case Connect:
		c.bare(codeConnect)
	case ChooserClosed:
		c.bare(codeChooserClosed)
	case DoesNotAnswer:
		c.bare(codeDoesNotAnswer)
	case WayDone:
		c.bare(codeWayDone)
	case Choose:
		c.open(codeChoose, 1)
		c.fixed(v.Digest[:])
	case AddFile:
		c.open(codeAddFile, 2)
		c.text(&v.Name, MaxText)
		c.bytes(&v.Data, MaxCommand)
	case Write:
		c.open(codeWrite, 1)
		c.flag(&v.Erase)
	case Start:
		c.open(codeStart, 1)
		c.flag(&v.Erase)
	case GoOn:
		c.bare(codeGoOn)
	case Home:
		c.bare(codeHome)
	case Resume:
		c.bare(codeResume)
	case Forget:
		c.open(codeForget, 2)
		c.text(&v.Model, MaxText)
		c.text(&v.Serial, MaxText)
	case SaveDiagnostic:
		c.bare(codeSaveDiagnostic)
	case SaveReport:
		c.bare(codeSaveReport)
	case SaveBackup:
		c.bare(codeSaveBackup)
	case LabMake:
		c.open(codeLabMake, 2)
		c.text(&v.Model, MaxText)
		c.fixed(v.Digest[:])
	case LabUpdate:
		c.bare(codeLabUpdate)
	case LabPower:
		c.open(codeLabPower, 1)
		number(c, &v.Switch)
	case LabCut:
		c.open(codeLabCut, 2)
		number(c, &v.At)
		number(c, &v.Tear)
	case LabLine:
		c.open(codeLabLine, 1)
		c.line(&v.Line)
	case LabHealth:
		c.open(codeLabHealth, 1)
		number(c, &v.Health)
	case LabRestore:
		c.open(codeLabRestore, 1)
		c.fixed(v.Digest[:])
	case LabReplay:
		c.open(codeLabReplay, 1)
		c.text(&v.ID, MaxReplayID)
	case LabSeek:
		c.open(codeLabSeek, 2)
		number(c, &v.At)
		c.integer(&v.Turn)
	case LabReplayEnd:
		c.bare(codeLabReplayEnd)
	default:
		return nil, fmt.Errorf("no encoding for %T", cmd)
	}
	return c.w.Result()
}

// bare is a command without fields; open one with n of them.
func (c *codec) bare(code uint64) { c.open(code, 0) }

func (c *codec) open(code uint64, n int) {
	c.w.Array(n + 1)
	c.w.Uint(code)
}

// fieldsOf is the number of fields behind each code; -1 for none such.
func fieldsOf(code uint64) int {
	switch code {
	case codeAddFile, codeForget, codeLabMake, codeLabCut, codeLabSeek:
		return 2
	case codeChoose, codeWrite, codeStart, codeLabPower, codeLabLine, codeLabHealth, codeLabRestore, codeLabReplay:
		return 1
	}
	if code >= codeConnect && code <= codeLabReplayEnd {
		return 0
	}
	return -1
}

// DecodeCommand decodes what EncodeCommand made. The result shares no memory with b.
func DecodeCommand(b []byte) (Command, error) {
	if len(b) > MaxCommand {
		return nil, errors.New("command is too large")
	}
	c := &codec{r: cbor.NewReader(b)}
	n := c.r.Array()
	code := c.r.Uint()
	if want := fieldsOf(code); c.r.Err() == nil && (want < 0 || n != want+1) {
		c.r.Fail(errShape)
	}
	cmd := c.command(code)
	if err := c.r.Finish(); err != nil {
		return nil, err
	}
	return cmd, nil
}

// command reads the fields of one command.
func (c *codec) command(code uint64) Command {
	switch code {
	case codeConnect:
		return Connect{}
	case codeChooserClosed:
		return ChooserClosed{}
	case codeDoesNotAnswer:
		return DoesNotAnswer{}
	case codeWayDone:
		return WayDone{}
	case codeChoose:
		var v Choose
		c.fixed(v.Digest[:])
		return v
	case codeAddFile:
		var v AddFile
		c.text(&v.Name, MaxText)
		c.bytes(&v.Data, MaxCommand)
		return v
	case codeWrite:
		var v Write
		c.flag(&v.Erase)
		return v
	case codeStart:
		var v Start
		c.flag(&v.Erase)
		return v
	case codeGoOn:
		return GoOn{}
	case codeHome:
		return Home{}
	case codeResume:
		return Resume{}
	case codeForget:
		var v Forget
		c.text(&v.Model, MaxText)
		c.text(&v.Serial, MaxText)
		return v
	case codeSaveDiagnostic:
		return SaveDiagnostic{}
	case codeSaveReport:
		return SaveReport{}
	case codeSaveBackup:
		return SaveBackup{}
	case codeLabMake:
		var v LabMake
		c.text(&v.Model, MaxText)
		c.fixed(v.Digest[:])
		return v
	case codeLabUpdate:
		return LabUpdate{}
	case codeLabPower:
		var v LabPower
		number(c, &v.Switch)
		return v
	case codeLabCut:
		var v LabCut
		number(c, &v.At)
		number(c, &v.Tear)
		return v
	case codeLabLine:
		var v LabLine
		c.line(&v.Line)
		return v
	case codeLabHealth:
		var v LabHealth
		number(c, &v.Health)
		return v
	case codeLabRestore:
		var v LabRestore
		c.fixed(v.Digest[:])
		return v
	case codeLabReplay:
		var v LabReplay
		c.text(&v.ID, MaxReplayID)
		return v
	case codeLabSeek:
		var v LabSeek
		number(c, &v.At)
		c.integer(&v.Turn)
		return v
	case codeLabReplayEnd:
		return LabReplayEnd{}
	}
	return nil
}
