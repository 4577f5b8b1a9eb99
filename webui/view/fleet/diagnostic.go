package fleet

import "unbrick/webui/words"

// Diagnostic shows a diagnostic file that somebody sent.
type Diagnostic struct {
	File *words.OpenedFile
	Wish WishFunc
}

func (c *Diagnostic) pane() words.Pane { return words.DiagnosticPane(c.File) }

func (c *Diagnostic) some() bool { return c.File.File != nil }
