package lab

import "unbrick/webui/state"

// Timeline is S01 to S20 on the lanes of terminal, server and apparatus.
type Timeline struct{ Lab *state.Lab }
