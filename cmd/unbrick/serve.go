package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"time"

	"unbrick/limits"
	"unbrick/server"
	"unbrick/server/access"
	"unbrick/server/account"
	"unbrick/server/demo"
	"unbrick/server/provider"
	"unbrick/server/storage"
	"unbrick/static"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const serveHelp = `usage: unbrick serve [--addr 127.0.0.1:8080] [--data DIR] [--demo]

Runs the server: devices come in at /link, people open the page in a browser, publishers and operators use the API.
Everything is kept below --data: one database and a folder of images and update files. One server uses it at a time.

Who may do what is said by accounts (unbrick account) and their tokens (unbrick token). UNBRICK_TOKEN is the token of the
account environment, which may do everything while the server is started with it. Without it, a start that finds nobody
who may administer makes the account admin, and shows its token once; only hashes are stored.

--demo fills the server with three ready models, real releases signed by a throw-away key, and demo devices that no
terminal stands behind. Without --data the demo lives in a temporary folder that goes when the server ends. A folder that
holds anything but a demo is refused with --demo, and the folder of a demo without.

--oidc-issuer lets persons sign in to the page by an identity provider (OpenID Connect), whose groups say what they may. Tokens go on to
work: whoever has one gets in while the provider is away.

--admin-addr gives operators and supervisors a listener of their own, for example 127.0.0.1:8081 or unix:/run/unbrick/admin:
the first one then has the page, the link, reports and downloads, and this one has everything, health and metrics too, while
strangers fill the first.

--name says under which name devices dial this server. A device signs what it says for the name that it dialled, so that no other
server can pass it on; what is signed for another name proves nothing here. Names of --acme count without being said. Without
any, localhost counts, and the address that a device dialled.

TLS comes from --tls-cert and --tls-key, which are read again when they changed, or by --acme, which gets certificates for the
hosts that it names over the same listener (port 443 as the world sees it). Or put a reverse proxy with TLS in front, and say
--proxied so that limits count the client and not the proxy. The server ends on SIGINT or SIGTERM, and lets transfers end for
up to --drain.

examples:
  unbrick serve --demo
  UNBRICK_TOKEN=... unbrick serve --addr 127.0.0.1:8080 --data /var/lib/unbrick --log json --proxied
  unbrick serve --addr :443 --admin-addr 127.0.0.1:8081 --acme updates.example --data /var/lib/unbrick
  unbrick serve --proxied --name updates.example --data /var/lib/unbrick

exit codes: 0 ended by a signal, 1 it could not serve, 2 the words are off`

type serveFlags struct {
	addr, admin       string
	tokenFile         string
	data, logForm     string
	demo, proxied     bool
	tls               tlsFlags
	names             []string
	drain             time.Duration
	sessions, workers int
	perAddress        int
	oidc              oidcFlags
}

func (f *serveFlags) declare(set *pflag.FlagSet) {
	set.StringVar(&f.addr, "addr", cmp.Or(os.Getenv("UNBRICK_ADDR"), "127.0.0.1:8080"),
		"address to listen on; port 0 takes a free one (UNBRICK_ADDR)")
	set.StringVar(&f.admin, "admin-addr", "", "a second address, HOST:PORT or unix:PATH, for operators, health and metrics alone")
	set.StringVar(&f.data, "data", "", "data directory (data, or a temporary one with --demo)")
	set.BoolVar(&f.demo, "demo", false, "fill the server with demo content")
	set.BoolVar(&f.proxied, "proxied", false, "a reverse proxy of ours is in front and sets X-Forwarded-For")
	set.StringVar(&f.tokenFile, "token-file", "", "`file` with what UNBRICK_TOKEN would say, such as a credential of systemd's")
	f.tls.declare(set)
	set.StringArrayVar(&f.names, "name", nil, "`host` under which devices dial this server (repeatable), besides those of --acme")
	set.StringVar(&f.logForm, "log", "text", "log to standard error as text or json")
	set.DurationVar(&f.drain, "drain", 30*time.Second, "how long transfers may go on after a signal to end")
	set.IntVar(&f.sessions, "sessions", 10_000, "most sessions at the same time")
	set.IntVar(&f.perAddress, "per-address", 256,
		"most connections of one address (IPv6: one /64) at the same time; with --proxied, requests of one client")
	f.oidc.declare(set)
	set.IntVar(&f.workers, "workers", 0, "makers of update files; 0: one less than processors, at least one")
}

// serveCommand runs the server until its context is done.
func serveCommand() *cobra.Command {
	f := &serveFlags{}
	c := verb("serve", "runs the server: devices, page, publishers and operators", serveHelp, noWords, f.start)
	f.declare(c.Flags())
	completes(c, "log", "text", "json")
	return c
}

// start makes the server and its data folder as the words want them, and runs it.
func (f *serveFlags) start(ctx context.Context, _ []string, p *printer) error {
	out, errOut := p.Writer, p.errOut
	if f.drain <= 0 || f.sessions <= 0 || f.perAddress <= 0 || f.workers < 0 {
		return usageError("--drain, --sessions and --per-address must be above zero, --workers not below")
	}
	logger, err := newLogger(f.logForm, errOut)
	if err != nil {
		return err
	}
	if f.data == "" && f.demo {
		if f.data, err = os.MkdirTemp("", "unbrick-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(f.data)
	} else if f.data == "" {
		f.data = "data"
	}
	if err := f.tls.check(); err != nil {
		return err
	}
	if n := len(f.names) + len(f.tls.hosts); n > limits.Names {
		return usageError("%d names of one server, at most %d: --name, and those of --acme", n, limits.Names)
	}
	for _, name := range f.names {
		if at, err := netip.ParseAddr(name); dialName.MatchString(name) && err != nil || err == nil && at.String() == name && at.Zone() == "" {
			continue
		}
		return usageError("--name %q is neither the name of a host in small letters without a port, such as updates.example, nor an address "+
			"as it is written shortest, such as 2001:db8::1", name)
	}
	by, err := f.oidc.config(ctx)
	if err != nil {
		return err
	}
	return f.serve(ctx, logger, out, by)
}

func newLogger(form string, w io.Writer) (*slog.Logger, error) {
	switch form {
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	}
	return nil, usageError("--log %q is neither text nor json", form)
}

func (f *serveFlags) serve(ctx context.Context, logger *slog.Logger, out io.Writer, by *provider.Config) (err error) {
	l, err := f.listen()
	if err != nil {
		return err
	}
	defer l.close()
	if l.tls, err = f.tls.config(f.data, logger); err != nil {
		return err
	}
	token, err := f.token(ctx)
	if err != nil {
		return err
	}
	store, err := f.openStore(ctx)
	if err != nil {
		return err
	}
	for _, note := range store.Notes() {
		logger.Warn("data folder", "note", note)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cfg := &server.Config{Store: store, Page: static.Handler(), Log: logger, Version: buildVersion(), Workers: f.workers,
		Names: slices.Concat(f.names, f.tls.hosts), Proxied: f.proxied, Split: l.own != nil,
		OIDC:   by,
		Limits: server.Limits{Sessions: f.sessions, PerAddress: f.perAddress, Drain: f.drain}}
	made, keep, err := start(ctx, store, token)
	if err != nil {
		return err
	}
	if f.demo {
		if cfg.Demo, err = demo.New(ctx, store, time.Now()); errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("the demo in %s was made by another version of this program, or changed (%w): name an empty folder with --data",
				f.data, err)
		} else if err != nil {
			return err
		}
	}
	s, err := server.New(cfg)
	if err != nil {
		return err
	}
	// The token counts from the moment on when it was shown: a start that fails before makes another one next time.
	_, err = io.WriteString(out, f.greet(&l, made))
	if keep != nil {
		if err == nil {
			err = keep(ctx)
		}
		if err != nil {
			s.Close(ctx)
			return fmt.Errorf("the token that was shown does not count: %w", err)
		}
	}
	web, own, ended := access.NewHTTP(s.Handler(), logger), access.NewHTTP(s.Operators(), logger), make(chan error, 2)
	defer own.Close() // last, so that it says what ends the server
	l.serve(s, web, own, ended)
	select {
	case err = <-ended:
	case <-ctx.Done():
		logger.Info("ending", "drain", f.drain)
	}
	// The command's context is done; ending has a time of its own.
	bounded, cancel := context.WithTimeout(context.Background(), f.drain+5*time.Second)
	defer cancel()
	if closed := s.Close(bounded); closed != nil {
		logger.Warn("ended", "error", closed)
	}
	if web.Shutdown(bounded) != nil {
		web.Close()
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// token is the token that the server is started with, empty if it is started without one.
func (f *serveFlags) token(ctx context.Context) (string, error) {
	name, token := "UNBRICK_TOKEN", os.Getenv("UNBRICK_TOKEN")
	if f.tokenFile != "" {
		if token != "" {
			return "", usageError("the token comes from UNBRICK_TOKEN or from --token-file, not from both")
		}
		b, err := readFile(ctx, f.tokenFile, "a token", maxTokenFile)
		if err != nil {
			return "", err
		}
		name, token = f.tokenFile, string(b)
	} else if token == "" {
		return "", nil
	}
	token, err := access.ParseToken(token)
	if err != nil {
		return "", usageError("%s: %v", name, err)
	}
	return token, nil
}

const maxTokenFile = 1 << 10 // bytes

// start sees to it that somebody may administer the server. A token that was made just now is returned, to be shown once; it counts from
// keep on, if that is not nil.
func start(ctx context.Context, store storage.Store, token string) (made string, keep func(context.Context) error, err error) {
	made, keep, err = account.Start(ctx, store, token, time.Now().UTC().Truncate(time.Millisecond))
	if errors.Is(err, account.ErrMade) {
		err = usageError("the token that the server is started with: %v", err)
	}
	return made, keep, err
}
