// Package server is the software management server (200): its configuration, start and end. What it does is done in the
// rooms below it; this package makes them, gives each what it needs and tells one what another has found.
//
//	211 identification information reception   package fleet     S02
//	212 update software storage                package storage
//	213 differential file creation             package offer     S03
//	214 update file information transmission   package session   S04
//	215 transfer request reception             package session   S09
//	216 update file transmission               package session   S10
//
// What a device says of itself is its claim: it decides what the device is offered and what is shown, and never
// what another device gets, nor who may do what. Nothing that a stranger sends makes the server's memory, disk
// or work grow beyond the limits in Limits.
package server
