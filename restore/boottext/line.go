package boottext

import "strings"

// Plain makes a piece of what a device says safe to show, whole: without control characters and packets.
func Plain(raw []byte) string { return strings.TrimRight(plain(raw), " \n") }
