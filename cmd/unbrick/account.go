package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"unbrick/limits"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"

	"github.com/spf13/cobra"
)

const accountHelp = `usage: unbrick account list
       unbrick account put NAME --role ROLE... [--model ID...]
       unbrick account remove NAME
       unbrick account bar NAME
       unbrick account free NAME

An account is a person or a program with rights on the server. It is known by its tokens (unbrick token).

put    makes an account, or says anew what it may: pages that are signed in under it have to sign in again. Roles are
         view      sees devices, their history, update files and counts
         operate   that, and holds, frees and removes devices, and halts rollouts
         publish   models, releases, update files and rollouts, and no devices: the role for CI
         admin     accounts, tokens, the audit log, and nothing of the rest unless that is given, too
       With --model the account sees and changes what belongs to these models, and of others what strangers see. Who
       administers is bound to none.
remove removes an account with its tokens
bar    keeps a person out whom an identity provider knows (unbrick serve --oidc-issuer), and free lets it in again. Such
       accounts begin with oidc-; the person's groups say what they may, at each sign-in

The account environment has the token of UNBRICK_TOKEN while the server is started with one, and is not changed here. Nothing is done that would
leave nobody who may administer the server.

example:
  unbrick account put ci --role publish --model 0001

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

const sayAccount = "say: unbrick account list, or: unbrick account put NAME --role ROLE, or: unbrick account remove NAME, or bar, or free"

func accountCommand() *cobra.Command {
	f, roles, models := &serverFlags{}, []string(nil), []string(nil)
	put := f.verb("put NAME", "makes an account, or says anew what it may", named("put"),
		func(ctx context.Context, a *api, words []string, p *printer) error {
			if len(roles) == 0 {
				return usageError("put takes --role view, operate, publish or admin, once or more often")
			}
			in := &form.AccountChange{AccountName: form.AccountName{Account: words[0]}}
			in.Body.Roles, in.Body.Models = roles, models
			v, err := ask(ctx, a, form.PutAccount, in)
			if err != nil {
				return err
			}
			return p.tell(v, "account %s may %s%s\n", v.Name, strings.Join(v.Roles, ", "), onModels(v.Models))
		})
	put.Flags().StringSliceVar(&roles, "role", nil, "`role` that it has: view, operate, publish or admin; may stand several times")
	put.Flags().StringSliceVar(&models, "model", nil, "bind it to a model, by its `ID`; may stand several times")
	completes(put, "role", "view", "operate", "publish", "admin")
	g := group("account", "lists, makes and removes accounts: who may do what at the server", accountHelp, sayAccount,
		f.verb("list", "tells of the accounts", noWords, func(ctx context.Context, a *api, _ []string, p *printer) error {
			return list(p, pages(ctx, a, form.ListAccounts, &form.AccountQuery{}), "no account found",
				"ACCOUNT\tMAY\tON MODELS\tTOKENS\tMADE\tPERSON", accountRow)
		}), put,
		f.verb("remove NAME", "removes an account with its tokens", named("remove"),
			func(ctx context.Context, a *api, words []string, p *printer) error {
				if _, err := ask(ctx, a, form.RemoveAccount, &form.AccountName{Account: words[0]}); err != nil {
					return err
				}
				return p.tell(map[string]string{"removed": words[0]}, "account %s is removed, with its tokens\n", words[0])
			}))
	g.AddCommand(f.bar("bar", "keeps a person of an identity provider out", true), f.bar("free", "lets a person in again", false))
	f.operate(g.PersistentFlags())
	return g
}

// bar is the verb that bars an account, or the one that frees it.
func (f *serverFlags) bar(verb, short string, barred bool) *cobra.Command {
	return f.verb(verb+" NAME", short, named(verb), func(ctx context.Context, a *api, words []string, p *printer) error {
		in := &form.AccountBar{AccountName: form.AccountName{Account: words[0]}}
		in.Body.Barred = barred
		v, err := ask(ctx, a, form.BarAccount, in)
		if err != nil {
			return err
		}
		if barred {
			return p.tell(v, "account %s is barred, and signed out\n", v.Name)
		}
		return p.tell(v, "account %s may sign in again\n", v.Name)
	})
}

// named checks words that are one name of an account.
func named(verb string) cobra.PositionalArgs {
	return func(c *cobra.Command, words []string) error {
		if err := takes(1, 1, verb+" takes one NAME")(c, words); err != nil {
			return err
		}
		if err := release.CheckID(words[0]); err != nil {
			return usageError("NAME: %v", err)
		}
		return nil
	}
}

func accountRow(a *form.Account) string {
	models := "all"
	if len(a.Models) > 0 {
		models = strings.Join(a.Models, ",")
	}
	person := "-"
	if a.Issuer != "" {
		person = fmt.Sprintf("%s, %s of %s", a.Called, a.Subject, a.Issuer)
	}
	if a.Barred {
		person += ", barred"
	}
	return fmt.Sprintf("%s\t%s\t%s\t%d\t%s\t%s", a.Name, strings.Join(a.Roles, ","), models, a.Tokens, a.Made.Format(time.RFC3339), person)
}

func onModels(models []string) string {
	if len(models) == 0 {
		return ""
	}
	return ", on models " + strings.Join(models, ", ")
}

const tokenHelp = `usage: unbrick token list [--account NAME]
       unbrick token make NAME [--note TEXT] [--days N]
       unbrick token remove ID

A token is a secret by which the server knows an account: give it as --token or UNBRICK_TOKEN, or to the page's sign-in.
The server keeps only its SHA-256.

make   makes a token for an account and shows it, this once. With --days it ends after so many days
remove ends a token at once, and signs out the pages that signed in with it. ID is what list tells: the
       8 characters behind ubk_

example:
  unbrick token make ci --note "pipeline of the lamp" --days 90

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

func tokenCommand() *cobra.Command {
	f, query, note, days := &serverFlags{}, &form.TokenQuery{}, "", 0
	all := f.verb("list", "tells of the tokens", noWords, func(ctx context.Context, a *api, _ []string, p *printer) error {
		return list(p, pages(ctx, a, form.ListTokens, query), "no token found", "ID\tACCOUNT\tMADE\tENDS\tLAST USED\tNOTE", tokenRow)
	})
	all.Flags().Var((*id)(&query.Account), "account", "`NAME` of the account whose tokens are listed")
	newOne := f.verb("make NAME", "makes a token for an account, and shows it this once", named("make"),
		func(ctx context.Context, a *api, words []string, p *printer) error {
			in := &form.TokenWish{AccountName: form.AccountName{Account: words[0]}}
			in.Body.Note = note
			if days < 0 || days > limits.TokenDays {
				return usageError("--days %d: 1 to %d, or none for a token that never ends", days, limits.TokenDays)
			}
			if days > 0 {
				in.Body.Ends = new(time.Now().UTC().AddDate(0, 0, days).Truncate(time.Second))
			}
			v, err := ask(ctx, a, form.MakeToken, in)
			if err != nil {
				return err
			}
			return p.tell(v, "%s\n", v.Text)
		})
	newOne.Flags().StringVar(&note, "note", "", "what the token is for")
	newOne.Flags().IntVar(&days, "days", 0, "days after which it ends; none: never")
	g := group("token", "lists, makes and removes tokens: what an account is known by", tokenHelp,
		"say: unbrick token list, or: unbrick token make NAME, or: unbrick token remove ID", all, newOne,
		f.verb("remove ID", "ends a token", takes(1, 1, "remove takes one ID, as unbrick token list tells it"),
			func(ctx context.Context, a *api, words []string, p *printer) error {
				id := words[0]
				if rest, whole := strings.CutPrefix(id, "ubk_"); whole { // no more of it than what is no secret
					id = rest[:min(len(rest), storage.TokenID)]
				}
				if _, err := ask(ctx, a, form.RemoveToken, &form.TokenID{Token: id}); err != nil {
					return err
				}
				return p.tell(map[string]string{"removed": id}, "token %s has ended\n", id)
			}))
	f.operate(g.PersistentFlags())
	return g
}

func tokenRow(t *form.Token) string {
	ends, used := "never", "never"
	if t.Ends != nil {
		ends = t.Ends.Format(time.RFC3339)
	}
	if t.Ended {
		ends = "ended"
	}
	if t.Used != nil {
		used = t.Used.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", t.ID, t.Account, t.Made.Format(time.RFC3339), ends, used, t.Note)
}
