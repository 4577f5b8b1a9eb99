package part

import "time"

// WishEvent says what a person wants by a part of the page: a state.Command, one of package words' wishes, or one of those below.
// Whoever cannot do it passes it on to what it stands in, and in the end package view does it.
type WishEvent struct{ Wish any }

// WishFunc takes such an event: @Wish='...' in markup makes one. Events have their types written down, and not made by vugugen
// (//vugugen:event), so that the Go half of the page compiles and is tested without its generated half.
type WishFunc func(WishEvent)

// Do wishes something.
func (f WishFunc) Do(wish any) { f(WishEvent{wish}) }

// Later wants Do called after a while.
type Later struct {
	After time.Duration
	Do    func()
}
