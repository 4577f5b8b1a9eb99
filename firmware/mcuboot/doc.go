// Package mcuboot reads signed images of the boot loader MCUboot: it parses header and TLVs, checks every
// size and the hash, and says what an image is in the words of that ecosystem. It writes nothing, and it
// checks no signature: which key counts only the boot loader knows.
//
// The form is that of MCUboot's design document, "Image format", and of its bootutil/image.h: a header of
// 32 bytes, little endian, the payload, then a protected TLV area (magic 0x6908, as long as the header
// says) and an unprotected one (0x6907). The hash, in the unprotected area, is over all before it.
//
// Everything is bounded by the file; nothing is kept but parts of it.
package mcuboot
