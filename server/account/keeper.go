package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"unbrick/server/access"
	"unbrick/server/storage"
)

// Why a request is not known by what it brought.
var (
	ErrWrong   = errors.New("this token is not known here")
	ErrEnded   = errors.New("this token has ended")
	ErrChanged = errors.New("what this account may was changed meanwhile")
	ErrBoth    = errors.New("a request is known by a token or by a login, not by both")
)

// TriesError says that an address tried too many wrong tokens.
type TriesError struct{ Wait time.Duration }

func (e *TriesError) Error() string { return "too many wrong tokens came from this address" }

// Times of logins and tokens.
const (
	idle     = 12 * time.Hour     // a login that nobody used for so long has ended
	longest  = 7 * 24 * time.Hour // a login ends after so long
	noteUse  = time.Hour          // the use of a token is noted so often at most
	noteSeen = 5 * time.Minute    // and that of a login
	back     = 5 * time.Minute    // a login made later than so long from now was made by another clock
	tell     = time.Minute        // wrong tokens are told so often at most
)

// Wrong tokens of one address: so many at once, and so many a minute.
const tries = 10

// Store is what a Keeper needs of the store.
type Store interface {
	storage.Accounts
	Note(ctx context.Context, act storage.Act) error
}

// Keeper knows who asks. It may be used concurrently.
type Keeper struct {
	store  Store
	now    func() time.Time
	wrong  *access.Limiter
	turned *access.Limiter // persons of a provider who were turned away, in the audit log
	issuer string          // of the provider whose persons sign in here; empty: nobody's do

	entering sync.Mutex // from looking at a person's account until it is changed

	mu    sync.Mutex
	tried int       // wrong tokens that were not told yet
	from  string    // the newest one's address
	told  time.Time // when some were
}

// New returns a Keeper. issuer is the identity provider whose persons sign in here, empty if there is none. passed never falls.
func New(store Store, issuer string, now func() time.Time, passed func() time.Duration) *Keeper {
	return &Keeper{store: store, now: now, issuer: issuer, wrong: access.NewLimiter(tries/60., tries, passed),
		turned: access.NewLimiter(tries/60., tries, passed)}
}

// Ask says who sent a request from an address: a stranger, if it brings nothing. Of what it brings, cookies are believed only if
// cookies says so.
func (k *Keeper) Ask(r *http.Request, address string, cookies bool) (Who, error) {
	token, said := access.Bearer(r.Header)
	cookie := ""
	if cookies {
		cookie = cookieOf(r)
	}
	switch {
	case said && cookie != "":
		return Who{}, ErrBoth
	case said:
		return k.known(r.Context(), token, address)
	case cookie != "":
		return k.login(r.Context(), cookie)
	}
	return Who{}, nil
}

// known is whose a token is. An address that tried too many wrong ones is told nothing of this one.
func (k *Keeper) known(ctx context.Context, token, address string) (Who, error) {
	if wait, some := k.wrong.Left(address); !some {
		return Who{}, &TriesError{wait}
	}
	t, err := k.store.Token(ctx, idOf(token))
	sum := sha256.Sum256([]byte(token))
	switch {
	case err == nil && subtle.ConstantTimeCompare(sum[:], t.Secret[:]) == 1:
		who, err := k.by(ctx, &t)
		if errors.Is(err, ErrWrong) || errors.Is(err, ErrEnded) {
			err = k.refuse(ctx, address, err)
		}
		return who, err
	case err == nil || errors.Is(err, storage.ErrNotFound):
		return Who{}, k.refuse(ctx, address, ErrWrong)
	}
	return Who{}, err
}

// by is the account of a token, whose use is noted.
func (k *Keeper) by(ctx context.Context, t *storage.Token) (Who, error) {
	now := k.now()
	if t.Ended(now) {
		return Who{}, ErrEnded
	}
	a, err := k.store.Account(ctx, t.Account)
	if errors.Is(err, storage.ErrNotFound) { // it went meanwhile
		return Who{}, ErrWrong
	} else if err != nil {
		return Who{}, err
	}
	if now.Sub(t.Used).Abs() >= noteUse {
		// A store that cannot write now lets nobody out.
		if err := k.store.UseToken(ctx, t.ID, now); err != nil && !errors.Is(err, storage.ErrFull) && !errors.Is(err, storage.ErrNotFound) {
			return Who{}, err
		}
	}
	return Who{Account: a, Token: t.ID}, nil
}

// Still says whether who asked when a long request began may go on at its end: its rights are what they were, and nobody took its token
// away. A token that has ended meanwhile was right.
func (k *Keeper) Still(ctx context.Context, who *Who) error {
	var err error
	if who.Token == "" { // a provider's person, whose rights end with the login
		_, err = k.store.Login(ctx, who.Login)
	} else {
		_, err = k.store.Token(ctx, who.Token)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return ErrWrong
	} else if err != nil {
		return err
	}
	a, err := k.store.Account(ctx, who.Name)
	if err != nil {
		return err
	}
	if a.Roles != who.Roles || !slices.Equal(a.Models, who.Models) {
		return ErrChanged
	}
	return nil
}

// refuse counts a wrong token, and tells of them.
func (k *Keeper) refuse(ctx context.Context, address string, why error) error {
	k.wrong.Allow(address)
	now := k.now()
	k.mu.Lock()
	k.tried++
	k.from = address
	due := now.Sub(k.told).Abs() >= tell
	n := k.tried
	if due {
		k.tried, k.told = 0, now
	}
	k.mu.Unlock()
	if due {
		act := storage.Act{At: now, Address: address, Name: "token.try", Object: fmt.Sprintf("%d wrong or ended", n), Result: "wrong-token"}
		if err := k.store.Note(ctx, act); err != nil && !errors.Is(err, storage.ErrFull) {
			return err
		}
	}
	return why
}

// Made is a token as it is shown, once.
type Made struct {
	storage.Token
	Text string
}

// encoding is how secrets are written: digits that nobody takes for another.
var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// prefix tells a token of ours from others, for people and for programs that look for secrets that leaked.
const prefix = "ubk_"

// Make makes a token for an account. It is not stored yet.
func Make(account, note string, now, ends time.Time) Made {
	id, secret := make([]byte, storage.TokenID*5/8), make([]byte, 32)
	rand.Read(id)
	rand.Read(secret)
	m := Made{storage.Token{ID: encoding.EncodeToString(id), Account: account, Note: note, Made: now, Ends: ends}, ""}
	m.Text = prefix + m.ID + encoding.EncodeToString(secret)
	m.Secret = sha256.Sum256([]byte(m.Text))
	return m
}

// secrets are tokens that somebody put where something else belongs.
var secrets = regexp.MustCompile(prefix + `[0-9A-Za-z]{9,}`)

// Redact leaves of every token in a text no more than its ID, which is no secret.
func Redact(text string) string {
	return secrets.ReplaceAllStringFunc(text, func(token string) string { return token[:len(prefix)+storage.TokenID] + "..." })
}

// foreign begins the ID of a token that was not made here: the digits of encoding have no such sign.
const foreign = "~"

// idOf is the ID of the token that a text may be. What of one that was not made here is no secret is a part of its hash.
func idOf(token string) string {
	rest, ours := strings.CutPrefix(token, prefix)
	if !ours || len(rest) != storage.TokenID+encoding.EncodedLen(32) {
		sum := sha256.Sum256([]byte(token))
		return foreign + encoding.EncodeToString(sum[:])[:storage.TokenID-1]
	}
	return rest[:storage.TokenID]
}
