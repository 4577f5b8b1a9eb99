// Package firmware holds a few small real firmware images, two versions of each, for tests,
// benchmarks and the demonstration. LICENCES.md beside it says where each comes from and on what
// terms. The images (1.1 MB) are linked into every program that imports the package, so the page must
// not.
//
// Every function returns fresh copies, the older image first; the caller owns them.
package firmware

import _ "embed"

//go:embed data/atc-mithermo-v57.bin
var mithermo1 string

//go:embed data/atc-mithermo-v58.bin
var mithermo2 string

//go:embed data/opensbi-1.6.bin
var opensbi1 string

//go:embed data/opensbi-1.9.bin
var opensbi2 string

//go:embed data/pybricks-cityhub-7.27.0.bin
var cityhub1 string

//go:embed data/pybricks-cityhub-7.28.0.bin
var cityhub2 string

// Mithermo returns ATC_MiThermometer v57 and v58: 85 KiB of code for a Telink TLSR8251, a part with
// even 4 KiB sectors.
func Mithermo() (older, newer []byte) { return []byte(mithermo1), []byte(mithermo2) }

// OpenSBI returns OpenSBI 1.6 and 1.9, the generic build that jumps: 270 KiB of RV64GC code.
func OpenSBI() (older, newer []byte) { return []byte(opensbi1), []byte(opensbi2) }

// CityHub returns the base firmware 7.27.0 and 7.28.0 of Pybricks for the City Hub: 183 KiB of Thumb code
// for a Cortex-M0.
func CityHub() (older, newer []byte) { return []byte(cityhub1), []byte(cityhub2) }
