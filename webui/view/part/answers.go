package part

import "unbrick/webui/words"

// Answers are those to the two questions of every failure.
type Answers struct{ Verdict *words.Verdict }
