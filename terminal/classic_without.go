//go:build js || noclassic

package terminal

const takesClassic = false
