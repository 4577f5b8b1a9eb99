// Package words is every word that a person reads on the page, but for what stands in the markup whatever the state: what a screen
// says in a state, what its buttons are called, and what pressing them wishes. All of it is functions of state, and of nothing else;
// package view draws what they return.
//
// A file has the words of one thing: restore.go of Restore's phases, with plan.go, ways.go, progress.go, done.go, failure.go, board.go
// and settings.go; lab.go of the Lab, with log.go, steps.go, ram.go and replay.go; fleet.go of Fleet. pane.go is what all of them are
// made of, number.go how numbers and times are written, wishes.go what a button may want beside a command.
package words
