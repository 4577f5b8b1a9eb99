package fleetdata

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"unbrick/limits"
	"unbrick/release"
	"unbrick/server/form"
)

// What a Trouble is of; that of a token that was to end is its ID.
const (
	OfAccount = "account"
	OfBar     = "bar"
	OfRemoval = "removal"
	OfToken   = "token"
)

// Codes of a Trouble that the page has found itself, and sent nothing.
const (
	BadName = "bad-name"
	BadDays = "bad-days"
)

const accountPrefix = "fleet-account/"

// MaxTokenDays is after how many days a token that ends has to.
const MaxTokenDays = limits.TokenDays

// AccountPath is the address of one account's screen.
func AccountPath(name string) string { return "#" + accountPrefix + name }

func (c *Client) showAccount(name string) {
	c.View = ViewAccounts
	if release.CheckID(name) != nil {
		return // no account has such a name, so nothing in an address needs an escape
	}
	if name != c.Named {
		c.Tokens, c.got = nil, c.got&^GotTokens
	}
	c.View, c.Named = ViewAccount, name
}

// Account is the one that ViewAccount shows; nil: there is none of that name, or the accounts have not arrived.
func (c *Client) Account() *form.Account {
	for i := range c.Accounts {
		if a := &c.Accounts[i]; a.Name == c.Named {
			return a
		}
	}
	return nil
}

// getAccounts asks for all accounts.
func (c *Client) getAccounts() {
	getAll[form.Accounts](c, form.AccountsPath, GotAccounts, func(list []form.Account, whole bool) {
		if whole || len(list) > len(c.Accounts) { // those behind are not gone while they are on their way
			c.Accounts = list
		}
	})
}

// getTokens asks for the tokens of an account behind those that came before, until the last.
func (c *Client) getTokens(account, cursor string, before []form.Token) {
	c.get(form.TokensPath+"?account="+account+cursor, GotTokens, func(o any) {
		page := read[form.Tokens](o)
		list := append(before, page.Tokens...)
		if page.Next != "" && len(page.Tokens) > 0 {
			c.getTokens(account, "&cursor="+Escape(page.Next), list)
			return
		}
		c.Tokens = list
	})
}

// PutAccount makes an account, or says anew what one may. then is called when it is done.
func (c *Client) PutAccount(name string, roles, models []string, isNew bool, then func()) {
	if release.CheckID(name) != nil {
		c.Trouble = Trouble{Of: OfAccount, Problem: form.Problem{Code: BadName}}
		return
	}
	body := map[string]any{"roles": anys(roles), "models": anys(models)}
	if isNew {
		body["new"] = true
	}
	said := "Saved."
	if isNew {
		said = "Account " + name + " is made."
	}
	c.send(OfAccount, "PUT", accountPath(name), body, said, func(answer any) {
		c.took(read[form.Account](answer))
		then()
	})
}

// BarAccount keeps the person of the shown account out, or lets it in again.
func (c *Client) BarAccount(barred bool) {
	said := "May sign in again."
	if barred {
		said = "Barred, and signed out."
	}
	c.send(OfBar, "PUT", accountPath(c.Named)+"/barred", map[string]any{"barred": barred}, said, func(answer any) {
		c.took(read[form.Account](answer))
	})
}

// RemoveAccount removes the shown account.
func (c *Client) RemoveAccount(then func()) {
	name := c.Named
	c.send(OfRemoval, "DELETE", accountPath(name), nil, "Account "+name+" is removed.", func(any) {
		c.Accounts = slices.DeleteFunc(c.Accounts, func(a form.Account) bool { return a.Name == name })
		then()
	})
}

// MakeToken makes a token for the shown account, which ends after so many days; empty: never. Then it is in c.Made, this once.
func (c *Client) MakeToken(note, days string, now time.Time, then func()) {
	body := map[string]any{"note": strings.TrimSpace(note)}
	if days = strings.TrimSpace(days); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > MaxTokenDays {
			c.Trouble = Trouble{Of: OfToken, Problem: form.Problem{Code: BadDays}}
			return
		}
		body["ends"] = now.AddDate(0, 0, n).UTC().Format(time.RFC3339)
	}
	name := c.Named
	c.send(OfToken, "POST", accountPath(name)+"/tokens", body, "", func(answer any) {
		made := read[form.NewToken](answer)
		if !c.shown || c.View != ViewAccount || c.Named != name || made.Text == "" {
			c.browser.Say("Nobody has seen the token that was made for " + name + ". Remove it.")
			return
		}
		c.Made = &made
		then()
	})
}

// RemoveToken ends a token.
func (c *Client) RemoveToken(id string, then func()) {
	c.send(id, "DELETE", form.TokensPath+"/"+Escape(id), nil, "Token "+id+" has ended.", func(any) {
		c.Tokens = slices.DeleteFunc(c.Tokens, func(t form.Token) bool { return t.ID == id })
		if c.Made != nil && c.Made.ID == id {
			c.Made = nil
		}
		then()
	})
}

// took puts what the server answered of an account in the place of what was known of it.
func (c *Client) took(a form.Account) {
	if at := slices.IndexFunc(c.Accounts, func(b form.Account) bool { return a.Name == b.Name }); at >= 0 {
		c.Accounts[at] = a
	} else if a.Name != "" {
		c.Accounts = append(c.Accounts, a)
	}
}

func accountPath(name string) string { return form.AccountsPath + "/" + name }

func anys(list []string) []any {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	return all
}
