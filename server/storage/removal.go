package storage

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInUse is the class of what cannot be removed as it stands: StateError and InUseError.
var ErrInUse = errors.New("is in use")

// StateError says that a release cannot be removed because of its state.
type StateError struct {
	Version string
	State   ReleaseState
}

func (e *StateError) Error() string {
	return fmt.Sprintf("release %q is %v: withdraw it first", e.Version, e.State)
}

// Unwrap implements the contract of package errors.
func (e *StateError) Unwrap() error { return ErrInUse }

// InUseError says what a model has that cannot be removed with it.
type InUseError struct {
	Model                   string
	Releases, Devices, Keys int // device keys
}

func (e *InUseError) Error() string {
	var has []string
	for _, part := range []struct {
		n    int
		what string
	}{{e.Releases, "releases"}, {e.Devices, "devices"}, {e.Keys, "device keys"}} {
		if part.n > 0 {
			has = append(has, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return fmt.Sprintf("model %q has %s: remove them first", e.Model, strings.Join(has, ", "))
}

// Unwrap implements the contract of package errors.
func (e *InUseError) Unwrap() error { return ErrInUse }

// Forgotten counts devices, and device keys.
type Forgotten struct{ Devices, Keys int }

// ModelSetting is the name of a setting that goes with its model. what has no slash.
func ModelSetting(what, model string) string { return what + "/" + model }
