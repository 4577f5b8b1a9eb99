// Package fleetdata is what the page knows of the fleet: a Client asks our own server by its HTTP interface, keeps the last answers,
// and changes what an operator may change. Restore and Lab need none of it.
//
// What is asked and answered is described in package form. The JSON of it is the browser's: the standard library's would cost more
// than all of Fleet. Values that it has read are put into the types of form by fill.
package fleetdata
