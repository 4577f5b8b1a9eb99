package view

// Answers are those to the two questions of every failure.
type Answers struct{ Verdict *verdict }
