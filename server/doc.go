// Package server is the software management server (200): sessions with terminals over the link, the making of
// update files, the store of releases behind them, and the HTTP API for publishers, operators and the page.
//
//	211 identification information reception   package fleet         S02
//	212 update software storage                storage, releases.go
//	213 differential file creation             package offer         S03
//	214 update file information transmission   session.go            S04
//	215 transfer request reception             session.go            S09
//	216 update file transmission               transfer.go           S10
//
// What a device says of itself is its claim: it decides what the device is offered and what is shown, and never
// what another device gets, nor who may do what. Nothing that a stranger sends makes the server's memory, disk
// or work grow beyond the limits in Limits.
package server
