// Package bench measures how small deltas between real images are, how dear to make, and what they ask
// of a device, beside other programs that the machine has. It runs every maker, this program's own
// included, as a child process of its own, so that processor time and memory are each maker's alone and
// counted alike for all. It is for developers' machines: nothing on a device or server imports it.
package bench
