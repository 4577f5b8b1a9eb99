package view

import (
	"unbrick/restore"
	"unbrick/webui/state"
)

// RestoreWriting is Restore while the device is written. There is nothing to press.
type RestoreWriting struct{ Page *Root }

func (c *RestoreWriting) progress() *restore.Progress { return &c.Page.state.Restore.Progress }

func (c *RestoreWriting) clock() restore.Phrase { return c.Page.left.Remaining().Words() }

func (c *RestoreWriting) heading() string { return c.Page.writingHeading() }

func (c *RestoreWriting) share() string { return share(c.progress()) }

func (c *RestoreWriting) phases() []phaseRow { return phaseRows(&c.Page.state.Restore) }

func (c *RestoreWriting) current(p phaseRow) any { return step(p.Current) }

func (c *RestoreWriting) promises() []promise { return writingPromises }

func (c *RestoreWriting) flash() *state.Map { return &c.Page.state.Restore.Map }

// mapped says whether the sectors of the device are known: a boot loader of another make tells none.
func (c *RestoreWriting) mapped() bool { return len(c.flash().Cells) > 0 }

func (c *RestoreWriting) caption() string { return cellWords(&c.flash().Facts) }

// spoken is what a screen reader hears: a new stage at once, progress now and then.
func (c *RestoreWriting) spoken() string {
	p := c.progress()
	return c.Page.tell.say(int(p.Stage), p.Elapsed, p.Work, p.WorkOf, stageWords(p, c.clock().String()))
}
