package firmware_test

import (
	"strconv"

	"unbrick/internal/firmwaretest"
)

func hex(n uint64) string  { return strconv.FormatUint(n, 16) }
func decimal(n int) string { return strconv.Itoa(n) }

func at(addr uint32, data []byte) firmwaretest.Segment {
	return firmwaretest.Segment{Addr: addr, Data: data}
}

func load(virtual, physical uint32, data []byte) firmwaretest.Load {
	return firmwaretest.Load{Virtual: virtual, Physical: physical, Data: data}
}
