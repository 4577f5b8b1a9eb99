// Package flashmap draws the sectors of a flash: a cell for each, in rows, in one picture that is brought up to date as sectors
// change. It knows pixels and colours, and no words: what a map says is in the list below it.
//
// A Drawing is one map on the page. It is told what to show (Set) and where (Mount), and draws when it is asked to. Where each
// cell lies is decided in layout.go, how it looks in draw.go, by the colours of ink.go; picture.go draws again only what changed.
package flashmap
