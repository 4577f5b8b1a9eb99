package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"unbrick/server/offer"

	"github.com/spf13/cobra"
)

const versionHelp = `usage: unbrick version

Prints which build this is: the version or commit, the Go release, the system, and whether its server can make classic
bsdiff patches, for which it must have been built with cgo.

exit codes: 0 done, 2 the words are off`

// versionCommand prints the build.
func versionCommand() *cobra.Command {
	return verb("version", "prints which build this is", versionHelp, noWords, func(_ context.Context, _ []string, p *printer) error {
		bsdiff := "with bsdiff"
		if !offer.MakesBsdiff {
			bsdiff = "without bsdiff (built without cgo)"
		}
		_, err := fmt.Fprintf(p, "unbrick %s, %s, %s/%s, %s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, bsdiff)
		return err
	})
}

// buildVersion is the module's version, or the commit that it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, commit, changed := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				changed = "+changes"
			}
		}
	}
	if version != "" && version != "(devel)" {
		return version
	}
	if commit != "" {
		return commit + changed
	}
	return "devel"
}
