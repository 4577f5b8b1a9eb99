package oidctest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// lifetime is how long what the provider says counts.
const lifetime = time.Minute

var (
	errUnknown = errors.New("oidctest: not known")
	errNot     = errors.New("oidctest: this is not offered")
)

// store is what a run of the provider keeps: sign-ins that have begun.
type store struct {
	provider *Provider
	key      signer

	mu    sync.Mutex
	asked map[string]*request
	codes map[string]string // IDs of requests
}

var (
	_ op.Storage                   = (*store)(nil)
	_ op.CanSetUserinfoFromRequest = (*store)(nil)
)

// request is a sign-in that has begun.
type request struct {
	id    string
	asked *oidc.AuthRequest
	name  string // that was typed; "": nobody has yet
	is    Person
	at    time.Time
}

func (q *request) GetID() string                      { return q.id }
func (q *request) GetACR() string                     { return "" }
func (q *request) GetAMR() []string                   { return []string{"pwd"} }
func (q *request) GetAudience() []string              { return []string{q.asked.ClientID} }
func (q *request) GetAuthTime() time.Time             { return q.at }
func (q *request) GetClientID() string                { return q.asked.ClientID }
func (q *request) GetNonce() string                   { return q.asked.Nonce }
func (q *request) GetRedirectURI() string             { return q.asked.RedirectURI }
func (q *request) GetResponseType() oidc.ResponseType { return q.asked.ResponseType }
func (q *request) GetResponseMode() oidc.ResponseMode { return q.asked.ResponseMode }
func (q *request) GetScopes() []string                { return q.asked.Scopes }
func (q *request) GetState() string                   { return q.asked.State }
func (q *request) GetSubject() string                 { return q.is.Subject }
func (q *request) Done() bool                         { return q.name != "" }
func (q *request) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: q.asked.CodeChallenge, Method: q.asked.CodeChallengeMethod}
}

func (s *store) known(id string) (*request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.asked[id]; q != nil {
		return q, nil
	}
	return nil, errUnknown
}

func (s *store) done(q *request, name string, is Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.name, q.is, q.at = name, is, time.Now()
}

// CreateAuthRequest takes nobody who asks without PKCE or a nonce.
func (s *store) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if asked.CodeChallengeMethod != oidc.CodeChallengeMethodS256 || asked.CodeChallenge == "" || asked.Nonce == "" || asked.State == "" {
		return nil, oidc.ErrInvalidRequest().WithDescription("state, nonce and PKCE are wanted here")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &request{id: rand.Text(), asked: asked}
	s.asked[q.id] = q
	return q, nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	return s.known(id)
}

func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.known(id)
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asked, id)
	return nil
}

func (s *store) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(lifetime), nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.key.SignatureAlgorithm()}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) { return []op.Key{public(s.key)}, nil }

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != Client {
		return nil, errUnknown
	}
	return client{s.provider}, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != Client || subtle.ConstantTimeCompare([]byte(secret), []byte(Secret)) != 1 {
		return errUnknown
	}
	return nil
}

// SetUserinfoFromRequest says in the ID token who a person is.
func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	q, is := r.(*request)
	if !is {
		return errUnknown
	}
	info.Subject = q.is.Subject
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.PreferredUsername = q.name
	}
	if slices.Contains(scopes, scopeGroups) {
		info.AppendClaims("groups", q.is.Groups)
	}
	return nil
}

func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *store) Health(context.Context) error { return nil }

// What else such a provider may offer, this one does not.

func (s *store) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNot
}
func (s *store) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errNot
}
func (s *store) TerminateSession(context.Context, string, string) error { return errNot }
func (s *store) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrInvalidRequest()
}
func (s *store) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}
func (s *store) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errNot
}
func (s *store) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNot
}
func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNot
}
func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNot
}

// signer is a key, and public its other half.
type signer struct {
	key *rsa.PrivateKey
	id  string
}

func (k signer) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signer) Key() any                                    { return k.key }
func (k signer) ID() string                                  { return k.id }

type public signer

func (k public) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k public) Use() string                        { return "sig" }
func (k public) Key() any                           { return &k.key.PublicKey }
func (k public) ID() string                         { return k.id }
