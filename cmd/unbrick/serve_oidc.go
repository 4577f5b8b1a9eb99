package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"unbrick/release"
	"unbrick/server/provider"
	"unbrick/server/storage"

	"github.com/spf13/pflag"
)

// oidcFlags say by which identity provider persons sign in, too.
type oidcFlags struct {
	issuer, client, secret, url, groups string
	scopes, roles                       []string
}

func (f *oidcFlags) declare(set *pflag.FlagSet) {
	set.StringVar(&f.issuer, "oidc-issuer", "", "`URL` of an identity provider by which persons sign in, too")
	set.StringVar(&f.client, "oidc-client", "", "`ID` of this server at the provider")
	set.StringVar(&f.secret, "oidc-secret-file", "", "`FILE` with this server's secret at the provider")
	set.StringVar(&f.url, "oidc-url", "", "`URL` at which browsers reach this server; the provider leads them back to URL"+provider.BackPath)
	set.StringVar(&f.groups, "oidc-groups-claim", "groups", "claim of the ID token that lists a person's groups")
	set.StringArrayVar(&f.scopes, "oidc-scope", nil, "scope to ask for besides openid and profile, such as groups; may stand several times")
	set.StringArrayVar(&f.roles, "oidc-roles", nil,
		"`GROUP=ROLE,ROLE[/MODEL,MODEL]`: what persons of a group may; may stand several times, and the first that fits counts")
}

// maxSecret bounds the file of the secret, in bytes.
const maxSecret = 4 << 10

// config is the provider that the words name, nil if none.
func (f *oidcFlags) config(ctx context.Context) (*provider.Config, error) {
	if f.issuer == "" {
		if f.client != "" || f.secret != "" || f.url != "" || len(f.roles)+len(f.scopes) > 0 {
			return nil, usageError("words of --oidc- need --oidc-issuer")
		}
		return nil, nil
	}
	for name, value := range map[string]string{"client": f.client, "secret-file": f.secret, "url": f.url, "groups-claim": f.groups,
		"roles": strings.Join(f.roles, "")} {
		if value == "" {
			return nil, usageError("--oidc-issuer needs --oidc-client, --oidc-secret-file, --oidc-url and --oidc-roles: --oidc-%s is empty",
				name)
		}
	}
	f.url = strings.TrimSuffix(f.url, "/")
	for name, address := range map[string]string{"--oidc-issuer": f.issuer, "--oidc-url": f.url} {
		if err := provider.Safe(address); err != nil {
			return nil, usageError("%s %v", name, err)
		}
	}
	secret, err := readSecret(ctx, f.secret)
	if err != nil {
		return nil, err
	}
	c := &provider.Config{Issuer: f.issuer, Client: f.client, Secret: secret, Groups: f.groups, Scopes: f.scopes, URL: f.url}
	for _, text := range f.roles {
		g, err := parseGrant(text)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.Grants, func(o provider.Grant) bool { return o.Group == g.Group }) {
			return nil, usageError("--oidc-roles says twice what group %q may", g.Group)
		}
		c.Grants = append(c.Grants, g)
	}
	return c, nil
}

// readSecret reads a file whose one line is a secret.
func readSecret(ctx context.Context, name string) (string, error) {
	b, err := readFile(ctx, name, "a secret", maxSecret)
	if err != nil {
		return "", fmt.Errorf("--oidc-secret-file: %w", err)
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" || strings.ContainsFunc(secret, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", fmt.Errorf("--oidc-secret-file %s: one line of printable ASCII was expected", name)
	}
	return secret, nil
}

// parseGrant takes GROUP=ROLE,ROLE[/MODEL,MODEL] apart. A group's name may have signs of its own in it: the last = counts.
func parseGrant(text string) (g provider.Grant, err error) {
	at := strings.LastIndexByte(text, '=')
	if at < 1 {
		return g, usageError("--oidc-roles %q: say GROUP=ROLE,ROLE or GROUP=ROLE,ROLE/MODEL,MODEL", text)
	}
	roles, models, bound := strings.Cut(text[at+1:], "/")
	parsed, ok := storage.ParseRoles(strings.Split(roles, ","))
	if !ok {
		return g, usageError("--oidc-roles %q: roles are view, operate, publish and admin", text)
	}
	g = provider.Grant{Group: text[:at], Roles: parsed}
	if !bound {
		return g, nil
	}
	if parsed&storage.Admin != 0 {
		return g, usageError("--oidc-roles %q: who may administer is bound to no models", text)
	}
	g.Models = slices.Compact(slices.Sorted(slices.Values(strings.Split(models, ","))))
	for _, id := range g.Models {
		if err := release.CheckID(id); err != nil {
			return g, usageError("--oidc-roles %q: model: %v", text, err)
		}
	}
	return g, nil
}
