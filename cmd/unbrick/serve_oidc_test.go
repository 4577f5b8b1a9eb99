package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"unbrick/server/provider"
	"unbrick/server/storage"
)

func TestProviderByFlags(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := func() *oidcFlags {
		return &oidcFlags{issuer: "https://id.example", client: "unbrick", secret: secret, url: "https://updates.example/", groups: "groups",
			roles: []string{"cn=ops,dc=example=operate,view", "ci=publish/0002,0001,0001", "root=admin"}}
	}
	c, err := good().config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &provider.Config{Issuer: "https://id.example", Client: "unbrick", Secret: "s3cret", URL: "https://updates.example", Groups: "groups",
		Grants: []provider.Grant{{Group: "cn=ops,dc=example", Roles: storage.Operate | storage.View},
			{Group: "ci", Roles: storage.Publish, Models: []string{"0001", "0002"}}, {Group: "root", Roles: storage.Admin}}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v", c)
	}
	if c, err := (&oidcFlags{groups: "groups"}).config(t.Context()); c != nil || err != nil {
		t.Errorf("without a word of it: %+v, %v", c, err)
	}
	for says, spoil := range map[string]func(f *oidcFlags){
		"need --oidc-issuer":                 func(f *oidcFlags) { f.issuer = "" },
		"--oidc-client is empty":             func(f *oidcFlags) { f.client = "" },
		"--oidc-url is empty":                func(f *oidcFlags) { f.url = "" },
		"--oidc-roles is empty":              func(f *oidcFlags) { f.roles = nil },
		"https it must be":                   func(f *oidcFlags) { f.url = "http://updates.example" },
		"no address":                         func(f *oidcFlags) { f.issuer = "id.example" },
		"no such file":                       func(f *oidcFlags) { f.secret += "x" },
		"one line":                           func(f *oidcFlags) { f.secret = empty },
		"say GROUP=ROLE":                     func(f *oidcFlags) { f.roles = []string{"=view"} },
		"roles are view":                     func(f *oidcFlags) { f.roles = []string{"a=root"} },
		"twice":                              func(f *oidcFlags) { f.roles = []string{"a=view", "a=admin"} },
		"who may administer is bound to no":  func(f *oidcFlags) { f.roles = []string{"a=admin/0001"} },
		"a letter or digit, nor a dash, und": func(f *oidcFlags) { f.roles = []string{"a=view/0 1"} },
	} {
		f := good()
		spoil(f)
		if _, err := f.config(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q: %v", says, err)
		}
	}
}
