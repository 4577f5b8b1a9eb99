package main

import "os"

// pollable returns the master: this system has no pseudo-terminals of this kind, so that there is none.
func pollable(master *os.File) (*os.File, error) { return master, nil }
