package fleet

import "unbrick/webui/words"

// Diagnostic shows a diagnostic file that somebody sent.
type Diagnostic struct {
	File *words.OpenedFile
	Wish WishFunc
}

func (c *Diagnostic) heading() string { return words.DiagnosticHeading(c.File) }

func (c *Diagnostic) facts() []words.Fact { return words.DiagnosticFacts(c.File.File) }

func (c *Diagnostic) rows() []words.DiagnosticRow { return words.DiagnosticRows(c.File.File) }

func (c *Diagnostic) some() bool { return c.File.File != nil }
