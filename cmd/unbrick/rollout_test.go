package main

import (
	"encoding/json"
	"strings"
	"testing"

	"unbrick/server/form"
)

func TestRolloutCommand(t *testing.T) {
	publisher(t)
	must(t, exitOK, "publish", "--key", "release.key", "--model", "0001", "--version", "1", "v1.bin")
	must(t, exitOK, "publish", "--key", "release.key", "--model", "0001", "--version", "2", "v2.bin", "--phases", "1%,10%@24h,100%@72h", "--max-failures", "5")
	rollout := func(code int, args ...string) string {
		t.Helper()
		return must(t, code, append([]string{"rollout", "--model", "0001"}, args...)...)
	}
	if out := rollout(exitOK, "1"); !strings.Contains(out, "is offered, to all") {
		t.Errorf("%s", out)
	}
	if out := rollout(exitOK, "2"); !strings.Contains(out, "to 1% of the devices") || !strings.Contains(out, "0 failed, 0 lost, 5 may") {
		t.Errorf("%s", out)
	}
	rollout(exitOK, "2", "--halt")
	var r form.Release
	if err := json.Unmarshal([]byte(rollout(exitOK, "2", "--json")), &r); err != nil || r.Rollout == nil || r.Rollout.Halted == nil || r.Rollout.Share != "0%" {
		t.Errorf("%+v %v", r.Rollout, err)
	}
	if out := rollout(exitOK, "2", "--resume", "--max-failures", "9"); !strings.Contains(out, "9 may") || strings.Contains(out, "halted") {
		t.Errorf("%s", out)
	}
	if out := rollout(exitOK, "2", "--phases", "50%"); !strings.Contains(out, "to 50%") {
		t.Errorf("%s", out)
	}
	if out := rollout(exitOK, "2", "--end"); !strings.Contains(out, "to all") {
		t.Errorf("%s", out)
	}
	rollout(exitFailed, "2", "--halt")
	rollout(exitFailed, "3")
	if out := rollout(exitFailed, "1", "--phases", "half"); !strings.Contains(out, "half") {
		t.Errorf("%s", out)
	}
	rollout(exitUsage)
	rollout(exitUsage, "1", "--phases", "")
	rollout(exitUsage, "1", "--halt", "--resume")
	must(t, exitUsage, "rollout", "1")
	must(t, exitUsage, "publish", "--key", "release.key", "--model", "0001", "--version", "3", "v2.bin", "--max-failures", "5")
	must(t, exitUsage, "publish", "--key", "release.key", "--model", "0001", "--version", "3", "v2.bin", "--phases", "5%", "-o", "x.release")
}
