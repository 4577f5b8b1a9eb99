// Package flash is the one hardware contract of Unbrick: what a flash part looks like to software
// that runs on it, and how it is erased, programmed and read.
//
// A part is NOR flash in one bank. A Geometry says where its sectors are and how finely it can be
// programmed, a Layout says what lives where, and a Device does the work. Addresses and sizes are
// bytes, counted from the start of the part. The rules every Device keeps are tested by package
// flashtest.
//
// Sizes are bounded by MaxSize, so that an address, a length and their sum fit an int on a
// 32-bit machine; checks are nevertheless written so that no sum of two given numbers can wrap.
package flash
