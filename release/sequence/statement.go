package sequence

import "unbrick/release"

// Statement is the reason of a refusal by Untaken.
const Statement Reason = "trust-statement"

// Untaken refuses a release that asks devices for a trust statement: no device adopts one, so that none would take the release.
func Untaken(m *release.Manifest) error {
	const yet = "No device takes trust statements yet, so that none would take this release"
	switch {
	case m.Era > 0:
		return refuse(Statement, "release %q is of era %d, for which a device needs trust statement %d or a newer one. %s: publish it with --era 0", m.Version, m.Era, max(m.Least, 1), yet)
	case m.Least > 0:
		return refuse(Statement, "release %q asks for a device that has trust statement %d or a newer one. %s: publish it without --least-statement", m.Version, m.Least, yet)
	}
	return nil
}
