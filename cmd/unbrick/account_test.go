package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// TestAccounts: an account is made, comes in with its token, does what it may, and what it did is told, kept and verified.
func TestAccounts(t *testing.T) {
	w := newStates(t)
	must(t, exitOK, "model", "put", "0002", "--flash", "1MiB", "--ram", "64KiB")
	if out := must(t, exitOK, "account", "put", "ci", "--role", "publish", "--role", "view", "--model", "0001"); out != "account ci may view, publish, on models 0001\n" {
		t.Errorf("put: %q", out)
	}
	token := strings.TrimSpace(must(t, exitOK, "token", "make", "ci", "--note", "pipeline", "--days", "30"))
	if !strings.HasPrefix(token, "ubk_") || len(token) < 60 {
		t.Fatalf("token %q", token)
	}
	id := token[4:12]
	for line, want := range map[string][]string{
		"account list": {"ACCOUNT", "ci", "view,publish", "0001", "environment", "operate,publish,admin", "all"}, "token list --account ci": {id, "ci", "pipeline"},
		"account list --json": {`"name":"ci","roles":["view","publish"],"models":["0001"]`}, "device list --model 0001 --token " + token: {"no device found"},
	} {
		out := must(t, exitOK, strings.Fields(line)...)
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%s: %q is not in %s", line, text, out)
			}
		}
	}
	for line, want := range map[string]string{
		"device list --token " + token: "bound to models 0001", "account list --token " + token: "this needs admin", "device remove 0001 A-1 --token " + token: "this needs operate",
		"model put 0002 --flash 1MiB --ram 64KiB --token " + token: "bound to models 0001", "account remove nobody": "unbrick account list tells of all", "account remove environment": "the server's own",
		"token remove 00000000": "unbrick token list tells of all", "token make nobody": "there is no account", "audit prune --before 99": "no such row",
	} {
		if out := must(t, exitFailed, strings.Fields(line)...); !strings.Contains(out, want) {
			t.Errorf("%s: %q is not in %s", line, want, out)
		}
	}
	if out := must(t, exitOK, "token", "remove", id); out != "token "+id+" has ended\n" {
		t.Errorf("remove: %q", out)
	}
	if out := must(t, exitFailed, "device", "list", "--model", "0001", "--token", token); !strings.Contains(out, "this token is not known here") {
		t.Errorf("a token that was removed: %s", out)
	}
	must(t, exitOK, "account", "remove", "ci")

	file := filepath.Join(w.data, "audit.jsonl")
	head := lastLine(must(t, exitOK, "audit", "export", "-o", file))
	must(t, exitFailed, "audit", "export", "-o", file) // it is there
	must(t, exitOK, "audit", "verify", file, "--head", head)
	if out := must(t, exitOK, "audit", "list", "--account", "ci"); !strings.Contains(out, "device.remove") || !strings.Contains(out, "forbidden") || strings.Contains(out, "environment") {
		t.Errorf("what ci did: %s", out)
	}
	must(t, exitOK, "model", "put", "0002", "--flash", "1MiB", "--ram", "64KiB", "--name", "Lamp")
	later := filepath.Join(w.data, "later.jsonl")
	must(t, exitOK, "audit", "export", "-o", later)
	must(t, exitOK, "audit", "verify", later, "--head", head) // the log went on
	b, err := os.ReadFile(later)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(string(b), "\n")
	changed := strings.Replace(string(b), `"environment"`, `"somebody"`, 1)
	for what, text := range map[string]string{
		"changed": changed, "a row left out": rows[0] + strings.Join(rows[2:], ""), "cut off": strings.Join(rows[:3], ""), "another log": strings.ReplaceAll(string(b), "a", "b"),
		"begun anew": strings.Join(rows[1:], ""), "turned round": rows[1] + rows[0] + strings.Join(rows[2:], ""), "no rows": "", "no JSON": "x\n",
		"line ends": strings.ReplaceAll(string(b), "\n", "\r\n"), "no end": strings.TrimSuffix(string(b), "\n"), "a field twice": strings.Replace(string(b), `{"n":1,`, `{"n":1,"n":1,`, 1),
		"another case": strings.Replace(string(b), `"result":"done"`, `"result":"done","RESULT":"done"`, 1), "a field more": strings.Replace(string(b), `{"n":1,`, `{"n":1,"by":"boss",`, 1),
		"less than a millisecond": strings.Replace(string(b), `Z","account"`, `00001Z","account"`, 1),
		"nothing but the head":    `{"n":` + strings.Replace(head, ":", `,"at":"0001-01-01T00:00:00Z","account":"","token":"","address":"","act":"pruned","object":"","before":"","after":"","result":"","hash":"`, 1) + "\"}\n",
		"pruned, and more":        strings.Replace(strings.Replace(rows[0], `"act":"model.put"`, `"act":"pruned"`, 1), `"before":""`, `"before":"x"`, 1) + strings.Join(rows[1:], ""),
		"pruned in the middle":    rows[0] + standsFor(t, rows[1]) + strings.Join(rows[2:], ""),
	} {
		if err := os.WriteFile(later, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := must(t, exitFailed, "audit", "verify", later, "--head", head); !strings.Contains(out, later) {
			t.Errorf("%s: %s", what, out)
		}
	}
	other := "1" + head[strings.Index(head, ":"):]
	if out := must(t, exitFailed, "audit", "verify", file, "--head", other); !strings.Contains(out, "was kept") {
		t.Errorf("another head: %s", out)
	}
	must(t, exitOK, "audit", "prune", "--before", "4")
	pruned := filepath.Join(w.data, "pruned.jsonl")
	must(t, exitOK, "audit", "export", "-o", pruned)
	if out := must(t, exitOK, "audit", "verify", pruned, "--head", head); !strings.Contains(out, "the rows up to 3 were taken away") {
		t.Errorf("a log that was pruned: %s", out)
	}
	viewer := filepath.Join(w.data, "viewer.jsonl")
	must(t, exitOK, "account", "put", "eve", "--role", "view")
	eve := strings.TrimSpace(must(t, exitOK, "token", "make", "eve"))
	must(t, exitFailed, "device", "remove", "0001", "A", "--token", eve)
	if out := must(t, exitFailed, "audit", "export", "-o", viewer, "--token", eve); !strings.Contains(out, "only a part of the log") {
		t.Errorf("a part is exported: %s", out)
	}
	must(t, exitOK, "token", "remove", eve)
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// standsFor is the row of an export that would stand for those up to row, if that one was taken away.
func standsFor(t *testing.T, row string) string {
	t.Helper()
	var a form.Act
	if err := json.Unmarshal([]byte(row), &a); err != nil {
		t.Fatal(err)
	}
	line, err := actLine(&form.Act{N: a.N, Name: storage.Pruned, Hash: a.Hash})
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}
