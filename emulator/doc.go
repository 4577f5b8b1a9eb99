// Package emulator is the hardware of a terminal: a NOR flash part, RAM owned by applications, a
// serial line, a clock and a power supply. It knows nothing of the software that runs on it, the
// agent, which is a function given to Board.Run.
//
// The board is stricter than silicon. What real parts let pass and punish later, such as programming
// a unit twice, reading while the part is busy, or erasing under running code, is a fault: it is
// latched, the agent is stopped, and nothing it does afterwards reaches the board.
//
// Power may be cut at any moment, from any goroutine, or inside a chosen flash operation. A Tear
// says what the interrupted operation leaves. The agent cannot catch a cut: its goroutine ends
// (runtime.Goexit), deferred functions run but cannot reach the board.
//
// Time is virtual. Flash operations, the line and waits cost what they cost on real parts; computing
// costs nothing. The agent and a program at the host end of the line (Port) share the clock by one
// rule: while either of them computes, time stands still; when both wait, it jumps to the first thing
// that one of them waits for. So a run depends on the seed alone, not on the machine it runs on.
package emulator
