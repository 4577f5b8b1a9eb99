package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"unbrick/release"
	"unbrick/server/form"
)

// TestLists: what the page lists the shell lists, too, with the same filters.
func TestLists(t *testing.T) {
	w := newStates(t)
	must(t, exitOK, "model", "put", "0002", "--flash", "1MiB", "--ram", "64KiB", "--name", "Lamp")
	if out := must(t, exitOK, "device", "list"); out != "no device found\n" {
		t.Errorf("nothing has spoken: %q", out)
	}
	for i, serial := range []string{"A-1", "A-2", "B-1"} {
		w.serial = serial
		h := w.hello()
		if i == 2 {
			h.Workspace = 100
		}
		w.session(h, false)
	}
	for line, want := range map[string][]string{
		"device list":                                      {"A-1", "A-2", "B-1"},
		"device list --search A-":                          {"A-1", "A-2"},
		"device list --group needs-cable":                  {"B-1"},
		"device list --model 0001 --search -1":             {"A-1", "B-1"},
		"device list --model 0002":                         {},
		"device list --image " + release.Hex(w.two.Digest): {},
		"device list --image " + release.Hex(w.one.Digest): {"A-1", "A-2", "B-1"},
	} {
		for _, how := range []string{"", " --json"} {
			out := must(t, exitOK, strings.Fields(line+how)...)
			got := map[string]bool{}
			head := 0
			for text := range strings.Lines(out) {
				var d form.Device
				if strings.HasPrefix(text, "MODEL  SERIAL  GROUP") && how == "" {
					head++
					continue
				}
				if how == "" {
					d.Serial = strings.Fields(text)[1]
				} else if err := json.Unmarshal([]byte(text), &d); err != nil || d.Model != "0001" || d.Release.Version != "1" {
					t.Fatalf("%s: %q: %v", line+how, text, err)
				}
				got[d.Serial] = true
			}
			if how == "" && len(want) == 0 { // people are told so
				head++
				delete(got, "device")
			}
			ok := len(got) == len(want) && strings.Count(out, "\n") == len(want)+head && (head == 1) == (how == "")
			for _, serial := range want {
				ok = ok && got[serial]
			}
			if !ok {
				t.Errorf("%s: %s, want %v", line+how, out, want)
			}
		}
	}
	if out := must(t, exitOK, "model", "list"); strings.Count(out, "\n") != 3 || !strings.Contains(out, "0002   Lamp") {
		t.Errorf("models: %s", out)
	}
	if out := must(t, exitOK, "model", "list", "--json"); strings.Count(out, "\n") != 2 || !strings.Contains(out, `"id":"0002","name":"Lamp"`) {
		t.Errorf("models: %s", out)
	}
	must(t, exitUsage, "device", "list", "0001")
	must(t, exitUsage, "device", "show", "0001", "A-1", "--group", "running")
	if out := must(t, exitFailed, "device", "list", "--group", "lost"); !strings.Contains(out, `"lost"`) {
		t.Errorf("a group that there is not: %s", out)
	}
}

// TestDeviceListGoesOn follows the pages of a list to its end.
func TestDeviceListGoesOn(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := map[string]string{"": `{"devices":[{"serial":"one"}],"next":"2"}`, "2": `{"devices":[{"serial":"two"}],"next":"3"}`, "3": `{"devices":[{"serial":"three"}],"next":""}`}
		if r.URL.Query().Get("search") != "e" {
			http.Error(w, "the filter was lost", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, page[r.URL.Query().Get("cursor")])
	}))
	defer web.Close()
	out := must(t, exitOK, "device", "list", "--search", "e", "--server", web.URL)
	for _, serial := range []string{"one", "two", "three"} {
		if strings.Count(out, serial) != 1 {
			t.Errorf("%s is not there once: %s", serial, out)
		}
	}
}

// TestWhatIsMissingIsNamed: whatever names nothing, the answer says what is missing and where to look.
func TestWhatIsMissingIsNamed(t *testing.T) {
	w := newStates(t)
	w.serial = "A-1"
	w.session(w.hello(), false)
	for line, want := range map[string][]string{
		"device show 9 x":                  {`"x"`, `"9"`, "unbrick device list"},
		"device free 0001 nope":            {`"nope"`, "unbrick device list"},
		"device remove 0001 nope":          {`"nope"`, "unbrick device list"},
		"device hold 0001 nope 1":          {`"nope"`, "unbrick device list"},
		"device hold 0001 A-1 99":          {`"99"`, "unbrick release list"},
		"model prefer 9 delta":             {`"9"`, "unbrick model list"},
		"file make 9999":                   {"9999", "unbrick file list"},
		"file bar 9999":                    {"9999", "unbrick file list"},
		"release withdraw 99 --model 0001": {`"99"`, "unbrick release list"},
		"rollout 99 --model 0001":          {`"99"`, "unbrick release list"},
	} {
		out := must(t, exitFailed, strings.Fields(line)...)
		for _, words := range want {
			if !strings.Contains(out, words) {
				t.Errorf("%s: %q is not in %q", line, words, out)
			}
		}
	}
	for path, want := range map[string]string{
		"/api/models/9": `model \"9\"`, "/api/models/9/keys": `model \"9\"`, "/api/devices/9/x/history": `device \"x\"`,
		"/api/releases/" + strings.Repeat("ab", 32) + "/file": "abababababab",
	} {
		client, err := newAPI(w.url, "secret of the test")
		if err != nil {
			t.Fatal(err)
		}
		_, status, err := client.do(t.Context(), "GET", path, nil, nil, nil)
		if status != http.StatusNotFound || !strings.Contains(strings.ReplaceAll(err.Error(), `"`, `\"`), want) {
			t.Errorf("%s: %d, %v", path, status, err)
		}
	}
}

// tableHas says whether a line of a table begins with these words.
func tableHas(table, words string) bool {
	for line := range strings.Lines(table) {
		if strings.HasPrefix(strings.Join(strings.Fields(line), " "), words) {
			return true
		}
	}
	return false
}
