package words

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
)

// What stands on the screens of accounts.
const (
	AccountsHeading   = "Accounts"
	AccountsLead      = "Persons and programs with rights on this server. Each is known by its tokens, or by the identity provider."
	NewAccountHeading = "New account"
	NewAccountLead    = "One for each person and each program: the log tells by them who did what, and each can be removed alone."
	ModelsHint        = "IDs of models with spaces between them. Left empty: all models. Who may administer is bound to none."
	NoToken           = "It has no token. Nobody comes in under it before you make one."
	NameRule          = "A name has 1 to 32 letters and digits, and behind the first also dashes, underscores and dots."
	DaysHint          = "Left empty: it does not end by itself."
)

// own is the account that the machine's owner has, and nobody changes.
const own = "environment"

// RoleRow is one role, and what it may.
type RoleRow struct{ Role, May string }

// Roles are all that there are.
var Roles = []RoleRow{
	{"view", "sees devices, their history, update files and counts"},
	{"operate", "that, and holds, frees and forgets devices, and halts rollouts"},
	{"publish", "models, releases, update files and rollouts; no devices: the role for CI"},
	{"admin", "accounts, tokens, the whole log; the rest only with the other roles"},
}

// AccountRow is one line of the table of accounts.
type AccountRow struct{ Path, Name, Small, May, On, Known, Sign, State, Made string }

// AccountRows are the lines of the table of accounts.
func AccountRows(list []form.Account, now time.Time) []AccountRow {
	rows := make([]AccountRow, len(list))
	for i := range list {
		a := &list[i]
		row := AccountRow{Path: fleetdata.AccountPath(a.Name), Name: a.Name, May: cmp.Or(strings.Join(a.Roles, ", "), "nothing"),
			On: onModels(a.Models), Known: Count(a.Tokens, "token", "tokens"), Made: Day(a.Made.In(now.Location()), now)}
		if a.Issuer != "" {
			row.Name, row.Small, row.Known = called(a), a.Name, "the identity provider"
		}
		if a.Barred {
			row.Sign, row.State = "sig bad", "Barred"
		}
		rows[i] = row
	}
	return rows
}

// called is what people call who an account is.
func called(a *form.Account) string { return cmp.Or(a.Called, a.Name) }

func onModels(models []string) string {
	switch len(models) {
	case 0:
		return "all models"
	case 1:
		return "model " + models[0]
	}
	return "models " + strings.Join(models, ", ")
}

// AccountHeading is the headline of one account's screen.
func AccountHeading(f *fleetdata.Client) string {
	if a := f.Account(); a != nil {
		return called(a)
	}
	return f.Named
}

// AccountState is the line below it: the lamp, and what is true.
func AccountState(f *fleetdata.Client) (lamp, is string) {
	a := f.Account()
	switch {
	case a == nil && f.Got(fleetdata.GotAccounts):
		return "bad", "There is no account of this name."
	case a == nil:
		return "hold", "Asking the server."
	case a.Barred:
		return "bad", "Barred: it does not sign in before it is freed."
	case a.Name == own:
		return "ok", "The server’s own: whoever runs its machine says its token in UNBRICK_TOKEN. Nobody changes it here."
	case a.Name == f.Who:
		return "ok", "This is the account that you are signed in with."
	case a.Issuer == "" && a.Tokens == 0 && f.Made == nil:
		return "hold", NoToken
	}
	if a.Issuer != "" {
		return "ok", "Signs in by the identity provider."
	}
	return "ok", "Known by " + Count(a.Tokens, "token", "tokens") + "."
}

// AccountFacts is what is known of an account that is not changed here: the server's own, and a person of the identity provider.
func AccountFacts(a *form.Account, now time.Time) []Fact {
	list := []Fact{{Label: "May", Value: cmp.Or(strings.Join(a.Roles, ", "), "nothing")}, {Label: "On", Value: onModels(a.Models)}}
	if a.Issuer != "" {
		list = append(list, Fact{Label: "Account", Value: a.Name, Mono: true}, Fact{Label: "Known by", Value: a.Issuer, Mono: true},
			Fact{Label: "There as", Value: a.Subject, Mono: true})
	}
	return append(list, Fact{Label: "Made", Value: Day(a.Made.In(now.Location()), now)})
}

// PersonNote says what may be changed of a person of the identity provider.
const PersonNote = "Its groups at the identity provider say what it may, at each sign-in. It has no tokens."

// BarAccount, RemoveAccount and RemoveToken are wishes of one account's screen.
type (
	BarAccount    struct{ Barred bool }
	RemoveAccount struct{}
	RemoveToken   struct{ ID string }
)

// AccountActs are the buttons that end something for an account.
func AccountActs(a *form.Account) []Act {
	remove := Danger("Remove the account", RemoveAccount{})
	switch {
	case a.Name == own:
		return nil
	case a.Issuer == "":
		question := "Remove account " + a.Name + "? "
		if a.Tokens > 0 {
			question += "Its " + Count(a.Tokens, "token ends", "tokens end") + " at once: who uses " + either(a.Tokens, "it", "them") +
				" is refused. "
		}
		return []Act{Asked(remove, question+"Its pages are signed out. What it did stays in the log.", "Keep it")}
	}
	bar := Asked(Danger("Bar", BarAccount{true}),
		"Bar "+called(a)+"? The account is signed out at once, and does not sign in before somebody frees it.", "Leave it as it is")
	if a.Barred {
		bar = Secondary("Free", BarAccount{})
	}
	return []Act{bar, Asked(remove, "Remove the account of "+called(a)+"? It is signed out at once, and a bar goes with it: "+
		"its next sign-in makes the account anew. To keep the person out, bar it.", "Keep it")}
}

// RightsHint is what changing an account's rights does beside that.
func RightsHint(f *fleetdata.Client) string {
	switch {
	case f.View == fleetdata.ViewNewAccount:
		return "Then make a token for it: that is what it comes in with."
	case f.Named == f.Who:
		return "You are signed out by a change, and sign in again."
	}
	return "Counts at once, for all its tokens. Its pages have to sign in again."
}

// Refused says why what was sent last is not done, if that was it; empty: nothing is wrong.
func Refused(t *fleetdata.Trouble, of string) string {
	switch {
	case t.Of != of:
		return ""
	case t.Code == fleetdata.BadName:
		return NameRule
	case t.Code == fleetdata.BadDays:
		return "Days are a whole number from 1 to " + Group(fleetdata.MaxTokenDays) + ", or nothing."
	case t.Text != "":
		return "The server refused: " + t.Text + "."
	case of == fleetdata.OfSignIn:
		return "The server does not answer. Try again in a moment."
	case of == fleetdata.OfToken:
		return "The server did not answer. A token that stands in the list now has been seen by nobody: remove it, and make another."
	case t.Status == 0 || t.Status >= 500:
		return "The server did not answer, so it may be done or not. Look again before you repeat it."
	}
	return "The server refused, with status " + strconv.Itoa(t.Status) + "."
}
