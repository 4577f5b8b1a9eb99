package sweep

import "unbrick/emulator"

// Memory returns what the device's RAM is: its size in bytes, and the applications in it in address order.
func (s *Subject) Memory() (size uint32, apps []emulator.App) { return s.ram, s.apps }
