//go:build darwin

package serve

func speedOf(int) uint32 { return 0 }
