package words

// What a button, or another part of a screen, may want of the page itself. Any other wish is a state.Command.
type (
	// ChooseFile wants the browser's chooser for a release or an image.
	ChooseFile struct{}
	// AskErase wants the question before settings are lost; KeepSettings is its answer no.
	AskErase     struct{}
	KeepSettings struct{}
	// BackToDevice wants the end of a replay.
	BackToDevice struct{}
	// CopyText wants a text on the clipboard; an empty one means the address of the page.
	CopyText struct{ Text string }
	// SaveText wants a text saved as a file.
	SaveText struct{ Name, Text string }
	// GoTo wants another screen, "#lab".
	GoTo struct{ Path string }
	// Protect wants the https form of the page's address.
	Protect struct{}
	// Focus wants the keyboard's focus on the first element that matches, once it is there.
	Focus struct{ Selector string }
)
