// Package diff makes the files that package delta reads. It runs on servers, in the command and in
// the browser, never on a device.
//
// Making a delta is a chain of steps, each with its own file:
//
//	match    which old bytes resemble which new ones: a greedy search for what is nearest, in an index of places
//	order    in which order sectors are built, so that as few old bytes as possible die too early
//	stash    which of those outlive their sector in RAM, and for how long
//	script   what is left: per sector, copies that the decoder can serve, and literals
//	parse    how literals are divided into bytes and matches: the cheapest way as the counters stand
//	encode   the two streams, through the same counters and predictions as the decoder's
//	create   profiles tried until one fits the workspace, and the proof of the product
//
// Equal inputs give equal bytes under one CreatorVersion.
package diff
