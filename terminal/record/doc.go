// Package record keeps what a device knows of its software over power failures: records, the marks behind them, and
// which sectors must not be believed. It needs a flash and a layout, nothing of the terminal. The format is that of
// docs/record.md; this page says why it holds.
//
// There are two record sectors. Each holds at most one whole record and what belongs to it, in this order, all of it
// aligned to program units:
//
//	body | commit mark | seal | entry 0 | entry 1 | ...
//
// Writing a record: erase the sector that does not hold the newest one, program the body, read it back twice, program
// the commit mark, read it back, program the seal, read it back. A power failure may cut any of these operations and
// leave it not begun, done in part, done, or with bits that read differently every time. These rules make every such
// state harmless:
//
//  1. A record is a candidate if body and commit mark read right, twice. A torn body has no commit mark behind it, for
//     the mark is programmed after the body was read back, into units of its own, and names the body's CRC.
//  2. A commit mark whose programming was cut may read right today and wrong tomorrow. Nobody may rely on it so far as
//     to erase the other record. It is solid if the seal was begun after it; so of two candidates the newer counts only
//     if its seal, or any entry, shows a trace of programming. As long as there is no trace, nothing was done in the
//     newer one's name, and the older is still true.
//  3. The older of two candidates is solid: before the newer was begun it was the newest, hence sealed, or the only one
//     left, and then the erase of its neighbour had begun in its name. So the sector that a write erases never holds
//     the only record that can be relied on.
//  4. A cut seal may show its trace in one boot and not in the next. Either way a true record counts (rule 2), and the
//     trace is looked for many times, so that it is all but always seen.
//  5. Entries are programmed only in the power-up that wrote their record: units that read erased later may be units
//     whose programming was cut. Whoever must touch a sector in a later power-up writes a new record first, which
//     carries the doubtful sectors in its body.
//  6. If there is no candidate at all, both sectors are erased before a record is written: one of them may hold a
//     record that could not be read just now.
//
// A Store allocates nothing and is used by one goroutine at a time.
package record
