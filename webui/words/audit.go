package words

import (
	"cmp"
	"os"
	"strings"
	"time"

	"unbrick/server/form"
)

// What stands over the audit log.
const (
	LogHeading = "Who did what"
	LogLead    = "What accounts changed, and what they were refused, the newest first; who does not administer sees its own. " +
		"With a copy that unbrick audit export writes you can tell later whether the log was changed."
)

// ActRow is one line of the audit log.
type ActRow struct {
	When, Who, From, What, Sign, Result string
}

// acts say what was done, by its name in the log: $on is what it was done to, $was and $is what was there before and after.
var acts = map[string]string{
	"account.put":        "says what account $on may: $is",
	"account.bar":        "bars account $on, or frees it: $is",
	"account.remove":     "removes account $on, which might $was",
	"audit.prune":        "takes old rows of this log away: $is",
	"device.approve":     "approves the key of device $on",
	"device.remove":      "forgets device $on",
	"device.remove-all":  "forgets devices of model $on",
	"device.free":        "frees device $on",
	"device.import":      "imports a list of keys of devices: $is",
	"device.rekey":       "gives device $on a new key, and bars the one before",
	"device.hold":        "holds a release back from device $on",
	"file.remove":        "removes update file $on: $was",
	"key.register":       "registers key $is for releases of model $on",
	"key.remove":         "takes key $on back: $was",
	"file.state":         "sets update file $on: $is",
	"login.begin":        "signs in",
	"login.end":          "signs out",
	"model.enrolment":    "says how devices of model $on are enrolled: $is, was $was",
	"model.prefer":       "says which update files model $on gets first: $is",
	"model.remove":       "removes model $on",
	"release.remove":     "removes release $on: $was",
	"model.put":          "describes model $on: $is",
	"release.publish":    "publishes release $on",
	"release.state":      "sets release $on: $is, was $was",
	"restoration.report": "reports a restoration of device $on: $is",
	"rollout.change":     "changes the rollout of $on: $is",
	"stranger.remove":    "forgets who spoke under $on and is not proven",
	"token.make":         "makes a token for account $on: $is",
	"token.remove":       "ends token $on of account $was",
	"token.try":          "tries tokens: $on",
	"pruned":             "older rows were taken away",
}

// refusals say why something was refused, by its code.
var refusals = map[string]string{
	"device-key":  "Refused: the key, or the device, has another",
	"enrolment":   "Refused: its devices are enrolled by a list",
	"forbidden":   "Refused: without the right to",
	"other-model": "Refused: of another model",
	"last-admin":  "Refused: nobody would be left to administer",
	"not-found":   "Refused: there is none",
	"wrong-token": "Refused",
	"barred":      "Refused: barred",
	"no-role":     "Refused: in no group that may anything",
	"full":        "Refused: no room",
}

// shownDigest is how much of a digest a line shows.
const shownDigest = 12

// ActRows are the lines of the audit log.
func ActRows(list []form.Act, now time.Time) []ActRow {
	rows := make([]ActRow, len(list))
	for i := range list {
		a := &list[i]
		said, known := acts[a.Name]
		if !known { // a newer server's
			said = a.Name + " $on"
		}
		row := ActRow{Who: a.Account, From: a.Address, Sign: "ok", Result: "Done"}
		row.What = os.Expand(said, func(name string) string {
			return map[string]string{"on": shortened(a.Object), "was": a.Before, "is": a.After}[name]
		})
		if a.Name != "pruned" {
			row.When = Day(a.At.In(now.Location()), now)
		}
		if a.Account == "" {
			row.Who = "somebody"
		}
		switch a.Result {
		case "done":
		case "unchanged":
			row.Sign, row.Result = "off", "Nothing changed"
		case "":
			row.Who, row.Sign, row.Result = "", "off", ""
		default:
			row.Sign, row.Result = "bad", cmp.Or(refusals[a.Result], "Refused: "+a.Result)
		}
		rows[i] = row
	}
	return rows
}

// shortened is an object of an act with its digests cut.
func shortened(object string) string {
	parts := strings.Split(object, "/")
	for i, p := range parts {
		if len(p) == 64 {
			parts[i] = p[:shownDigest]
		}
	}
	return strings.Join(parts, "/")
}
