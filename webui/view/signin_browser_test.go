//go:build !js

package view

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// formScript tells what keeps a browser's password manager from knowing the form for what it is: fields without their kind, their name or a
// label, outside of a form, or not to be seen.
const formScript = `(() => {
	const bad = [], form = document.querySelector('form');
	if (!form || form.method !== 'post' || document.forms.length !== 1) bad.push('no form that posts');
	for (const [kind, type] of [['username', 'text'], ['current-password', 'password']]) {
		const f = document.querySelectorAll('input[autocomplete="' + kind + '"]');
		if (f.length !== 1) { bad.push(kind + ': ' + f.length); continue; }
		const r = f[0].getBoundingClientRect();
		if (f[0].type !== type || !f[0].name || !f[0].id || f[0].form !== form) bad.push(kind + ' is ' + f[0].outerHTML);
		if (!f[0].labels.length || !f[0].checkVisibility() || r.width < 100 || r.height < 24) bad.push(kind + ' is not seen, or has no label');
	}
	const fields = [...form.elements].filter(e => e.matches('input'));
	if (fields.length !== 2 || fields[0].autocomplete !== 'username') bad.push('other fields, or another order');
	if (form.querySelectorAll('[type=submit]').length !== 1) bad.push('no button that submits');
	return bad.join('\n');
})()`

// lost is a field that Chromium complains of, so that a test knows when it has looked at a page.
const lost = `<input type="password" id="lost" autocomplete="new-password">`

// TestSignInForm: in a browser, the form has what password managers look for, and Chromium's own has nothing to say of it. Enter submits it
// from both fields, and Tab goes from the account to the token to the button.
func TestSignInForm(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	r := New((&world{}).hooks())
	r.SetPath("#fleet")
	page := shell(t, render(t, r))
	css, err := os.ReadFile("../../static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/app.css" {
			w.Header().Set("Content-Type", "text/css")
			w.Write(css)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if q.URL.Path == "/lost" {
			w.Write([]byte(strings.Replace(page, "</body>", lost+"</body>", 1)))
			return
		}
		w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	ctx, stop := context.WithTimeout(browse(t), patience)
	defer stop()
	keys := func(keys string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
			t.Fatal(err)
		}
	}
	hints := make(chan string, 100)
	if err := chromedp.Listen(ctx, func(event any) {
		if e, is := event.(*log.EventEntryAdded); is && strings.HasPrefix(e.Entry.Text, "[DOM]") {
			hints <- e.Entry.Text
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/lost")); err != nil {
		t.Fatal(err)
	}
	select {
	case hint := <-hints:
		ask(t, ctx, `''`) // behind the others of that look
		if !strings.Contains(hint, "not contained in a form") || len(hints) > 0 {
			t.Errorf("Chromium says %s, and %d more", hint, len(hints))
		}
	case <-ctx.Done():
		t.Fatal("Chromium says nothing of a field without a form")
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL)); err != nil {
		t.Fatal(err)
	}
	if bad := ask(t, ctx, formScript); bad != "" {
		t.Error(bad)
	}
	ask(t, ctx, `(() => { window.sent = []; document.querySelector('form').addEventListener('submit', e => {
		e.preventDefault(); sent.push(new URLSearchParams(new FormData(e.target)).toString()); }); document.querySelector('h1').focus(); return ''; })()`)
	for _, want := range []string{"username", "token", "Sign in"} {
		keys(kb.Tab)
		if got := ask(t, ctx, `document.activeElement.id || document.activeElement.innerText`); got != want {
			t.Errorf("Tab goes to %q, want %q", got, want)
		}
	}
	ask(t, ctx, `(document.querySelector('#username').focus(), '')`)
	keys("ci" + kb.Enter + kb.Tab)
	keys("secret" + kb.Enter)
	if got := ask(t, ctx, `sent.join(' ')`); got != "username=ci&password= username=ci&password=secret" {
		t.Errorf("Enter submits %q", got)
	}
}
