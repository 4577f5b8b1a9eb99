//go:build !js && !noclassic

package terminal

// takesClassic says whether this build can read classic patches at all. The page's emulated devices cannot,
// which keeps the reader out of the program that everybody loads; firmware for parts with little RAM is
// built with the tag noclassic.
const takesClassic = true
