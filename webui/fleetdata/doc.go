// Package fleetdata is what the page knows of the fleet: a Client asks our own server by its HTTP interface, keeps the last answers,
// and changes what an operator may change. Restore and Lab need none of it.
//
// Answers are read with a reader of JSON of its own (json.go): those of the standard library cost more than all of Fleet.
package fleetdata
