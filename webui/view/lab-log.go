package view

import "unbrick/webui/state"

// LabLog is what happened, newest last.
type LabLog struct{ Page *Root }

func (c *LabLog) lines() []logLine { return logLines(c.Page.state.Lab.Log, c.runs()) }

func (c *LabLog) runs() []state.SectorRun { return c.Page.state.Lab.Map.Facts.Runs }

func (c *LabLog) some() bool { return len(c.Page.state.Lab.Log) > 0 }

func (c *LabLog) save() { c.Page.save("unbrick-lab.txt", logFile(c.Page.state.Lab.Log, c.runs())) }
