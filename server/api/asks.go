package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"unbrick/server/account"
	"unbrick/server/form"
	"unbrick/server/storage"
)

type whoKey struct{}

// asks is who sends a request, as identify noted it.
func asks(r *http.Request) *account.Who {
	who, _ := r.Context().Value(whoKey{}).(*account.Who)
	if who == nil {
		return &account.Who{}
	}
	return who
}

// identify notes on a request who sends it. The page's cookie counts where accounts are at work: reports are anybody's.
func (s *Server) identify(r *http.Request, route *form.Route) (*http.Request, error) {
	if err := s.origins.Check(r); err != nil {
		return r, problem(http.StatusForbidden, "cross-origin", "another site's page sent this: nothing was done")
	}
	who, err := s.cfg.Accounts.Ask(r, s.client(r), !route.NoCookie)
	if err != nil {
		return r, err
	}
	return r.WithContext(context.WithValue(r.Context(), whoKey{}, &who)), nil
}

// permit refuses what who asks has no right to.
func permit(who *account.Who, route *form.Route) error {
	switch {
	case who.May(route.Needs):
		return nil
	case !who.Known():
		return problem(http.StatusUnauthorized, "no-token", "this needs a token, or a page that signed in")
	}
	return problem(http.StatusForbidden, "forbidden", "the account %s may %s; this needs %s", who.Name, orNothing(who.Roles.Words()),
		strings.Join(account.Grants(route.Needs).Words(), " or "))
}

func orNothing(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// bind refuses who is bound to models what is of another one, or of none.
func bind(who *account.Who, route *form.Route, in reflect.Value) error {
	switch route.Needs {
	case form.Anyone, form.MaySignIn, form.MayAdminister:
		return nil
	}
	if len(who.Models) == 0 || route.Method == "POST" && (route.Path == form.Publish.Path || route.Path == form.ImportKeys.Path) {
		return nil // these say it in their bodies
	}
	return onModel(who, modelOf(in))
}

// onModel refuses who is bound to other models.
func onModel(who *account.Who, model string) error {
	switch {
	case len(who.Models) == 0 || model != "" && who.On(model):
		return nil
	case model == "":
		return problem(http.StatusForbidden, "other-model", "the account %s is bound to models %s, and this is of all models, or names none",
			who.Name, strings.Join(who.Models, ", "))
	}
	return problem(http.StatusForbidden, "other-model", "the account %s is bound to models %s, and this is of model %s", who.Name,
		strings.Join(who.Models, ", "), model)
}

// modelOf is the model that what came in names, empty if none.
func modelOf(in reflect.Value) (model string) {
	form.Fields(in, func(f reflect.StructField, v reflect.Value) error {
		switch {
		case f.Name == "Body" && v.Kind() == reflect.Struct:
			if v = v.FieldByName("Model"); v.IsValid() && model == "" {
				model = v.String()
			}
		case f.Name == "Model" || f.Name == "ID" && v.Kind() == reflect.String:
			model = v.String()
		}
		return nil
	})
	return model
}

// objectOf is what an act is on, as its address says it; in is what came in, if it was read.
func objectOf(r *http.Request, route *form.Route, in reflect.Value) string {
	var parts []string
	for part := range strings.SplitSeq(route.Path, "/") {
		if name, isName := strings.CutPrefix(part, "{"); isName {
			parts = append(parts, r.PathValue(strings.TrimSuffix(name, "}")))
		}
	}
	if model := modelOf(in); model != "" && (len(parts) == 0 || parts[0] != model) {
		parts = append([]string{model}, parts...)
	}
	return account.Redact(strings.Join(parts, "/"))
}

// act does what changes something, and sees to it that the audit log has it: a change by the store, in the transaction of the
// change; all else, such as a refusal, here.
func (s *Server) act(r *http.Request, route *form.Route, do func(*http.Request) error) error {
	who := asks(r)
	if route.Act == "" || !who.Known() { // of strangers the keeper tells
		return do(r)
	}
	d := &storage.Doer{Now: s.cfg.Now, Act: storage.Act{Account: who.Name, Token: who.Token, Address: s.client(r), Name: route.Act,
		Object: objectOf(r, route, reflect.ValueOf(form.Nothing{})), Result: "done"}}
	err := do(r.WithContext(storage.Doing(r.Context(), d)))
	switch {
	case err != nil:
		p := s.explain(r, err)
		d.Result, err = p.code, p
	case d.Rows > 0:
		return nil
	default:
		d.Result = "unchanged"
	}
	if _, some := s.noted.Allow(who.Name); !some {
		return err // the log does not grow without bound by what somebody is refused
	}
	d.At = s.cfg.Now()
	if noted := s.cfg.Store.Note(context.WithoutCancel(r.Context()), d.Act); noted != nil {
		s.cfg.Log.Error("audit log", "act", d.Name, "account", d.Account, "result", d.Result, "error", noted)
		if err == nil && !errors.Is(noted, storage.ErrFull) {
			return noted
		}
	}
	return err
}

// tell says in the audit log what came in.
func tell(r *http.Request, route *form.Route, in reflect.Value) {
	d := storage.DoerOf(r.Context())
	if d == nil {
		return
	}
	d.Object = objectOf(r, route, in)
	if body := in.FieldByName("Body"); body.IsValid() {
		b, err := json.Marshal(body.Interface())
		if err != nil {
			panic(fmt.Sprintf("api: body of %s: %v", route.Act, err)) // it came as JSON
		}
		d.After = account.Redact(string(b))
	}
}

// before says in the audit log what was there.
func before(r *http.Request, text string) {
	if d := storage.DoerOf(r.Context()); d != nil {
		d.Before = text
	}
}

// after says in the audit log what is there afterwards.
func after(r *http.Request, text string) {
	if d := storage.DoerOf(r.Context()); d != nil {
		d.After = text
	}
}

// also is the context of a change that an act brings with it, and that has a name of its own in the audit log.
func also(r *http.Request, name, object, after string) context.Context {
	d := storage.DoerOf(r.Context())
	if d == nil {
		return r.Context()
	}
	more := *d
	more.Name, more.Object, more.Before, more.After = name, object, "", after
	return storage.Doing(r.Context(), &more)
}

// about says in the audit log what an act is on, where its address does not.
func about(r *http.Request, text string) {
	if d := storage.DoerOf(r.Context()); d != nil {
		d.Object = text
	}
}
