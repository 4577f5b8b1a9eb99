package words

import (
	"time"

	"unbrick/server/form"
)

// What stands by a token that was made.
const (
	MadeHeading = "Copy the token now."
	MadeLead    = "It is not shown again: the server keeps only its SHA-256, and this page forgets it when you leave it. " +
		"Whoever has it has the rights of the account, so hand it over as you would a key. Lost it? Remove it, and make another."
)

// TokenRow is one line of the table of an account's tokens.
type TokenRow struct {
	ID, Note, Made, Ends, Used string
	Acts                       []Act
}

// TokenRows are the lines of the table of an account's tokens.
func TokenRows(list []form.Token, now time.Time) []TokenRow {
	rows := make([]TokenRow, len(list))
	for i := range list {
		t := &list[i]
		row := TokenRow{ID: t.ID, Note: t.Note, Made: Day(t.Made.In(now.Location()), now), Ends: "never", Used: "never"}
		if t.Ends != nil {
			row.Ends = Day(t.Ends.In(now.Location()), now)
		}
		if t.Ended {
			row.Ends = "ended"
		}
		if t.Used != nil {
			row.Used = Day(t.Used.In(now.Location()), now)
		}
		remove := Secondary("Remove", RemoveToken{t.ID})
		remove.Name = "Remove token " + t.ID
		row.Acts = []Act{Asked(remove, "Remove token "+t.ID+"? Who uses it is refused at once, and pages that signed in with it are signed out.",
			"Keep it")}
		rows[i] = row
	}
	return rows
}
