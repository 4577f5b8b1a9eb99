package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"unbrick/server/storage"
)

// Names of the cookie: what begins with __Host- no other host and no other path can set; in the clear, on the machine itself, a browser
// takes none that is Secure.
const (
	secureCookie = "__Host-unbrick"
	plainCookie  = "unbrick"
)

// ErrClear says that a page would get its cookie over a network in the clear.
var ErrClear = errors.New("a page signs in over TLS, or on the machine that serves it")

// cookieOf is the login's cookie of a request, empty if it has none.
func cookieOf(r *http.Request) string {
	for _, name := range []string{secureCookie, plainCookie} {
		if c, err := r.Cookie(name); err == nil {
			return c.Value
		}
	}
	return ""
}

// login is whose a cookie is: nobody's, if its login has ended. A page that was open for long is no attack.
func (k *Keeper) login(ctx context.Context, cookie string) (Who, error) {
	l, err := k.store.Login(ctx, sha256.Sum256([]byte(cookie)))
	if errors.Is(err, storage.ErrNotFound) {
		return Who{}, nil
	} else if err != nil {
		return Who{}, err
	}
	now := k.now()
	if now.Sub(l.Seen) >= idle || now.Sub(l.Made) >= longest || l.Made.Sub(now) >= back {
		return Who{}, nil
	}
	who, err := k.of(ctx, &l)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrEnded) || errors.Is(err, ErrWrong) {
		return Who{}, nil
	} else if err != nil {
		return Who{}, err
	}
	if now.Sub(l.Seen).Abs() >= noteSeen {
		if err := k.store.SeeLogin(ctx, l.Secret, now); err != nil && !errors.Is(err, storage.ErrFull) && !errors.Is(err, storage.ErrNotFound) {
			return Who{}, err
		}
	}
	who.Login = l.Secret
	return who, nil
}

// of is whose a login is.
func (k *Keeper) of(ctx context.Context, l *storage.Login) (Who, error) {
	if l.Token == "" {
		return k.person(ctx, l)
	}
	t, err := k.store.Token(ctx, l.Token)
	if err != nil {
		return Who{}, err
	}
	return k.by(ctx, &t)
}

// secure reports whether a page came over TLS, here or at a proxy in front: its browser says where it believes to be.
func secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && u.Scheme == "https"
}

// local reports whether a request came to an address that no network sees.
func local(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// SignIn begins a login with a token, and returns the cookie that it is known by.
func (k *Keeper) SignIn(r *http.Request, token, address string) (Who, *http.Cookie, error) {
	if !secure(r) && !local(r) {
		return Who{}, nil, ErrClear
	}
	who, err := k.known(r.Context(), token, address)
	if err != nil {
		return Who{}, nil, err
	}
	c, err := k.begin(r.Context(), &who, address, secure(r))
	return who, c, err
}

// begin begins a login of who, and returns its cookie.
func (k *Keeper) begin(ctx context.Context, who *Who, address string, secure bool) (*http.Cookie, error) {
	random := make([]byte, 32)
	rand.Read(random)
	text := encoding.EncodeToString(random)
	who.Login = sha256.Sum256([]byte(text))
	now, most := k.now(), longest
	if who.Token == "" {
		most = provided
	}
	doing := storage.Doing(ctx, &storage.Doer{Act: storage.Act{At: now, Account: who.Name, Token: who.Token, Address: address,
		Name: "login.begin", Object: who.Called, Result: "done"}})
	err := k.store.AddLogin(doing, storage.Login{Secret: who.Login, Account: who.Name, Token: who.Token, Made: now, Seen: now})
	if err != nil {
		return nil, err
	}
	return cookie(secure, text, int(most/time.Second)), nil
}

// SignOut ends the login of who, and returns the cookies that take it from the page.
func (k *Keeper) SignOut(ctx context.Context, who *Who) ([]*http.Cookie, error) {
	err := k.store.DeleteLogin(ctx, who.Login)
	if errors.Is(err, storage.ErrNotFound) { // it has ended by itself
		err = nil
	}
	return []*http.Cookie{cookie(true, "", -1), cookie(false, "", -1)}, err
}

func cookie(secure bool, value string, age int) *http.Cookie {
	name := plainCookie
	if secure {
		name = secureCookie
	}
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}
