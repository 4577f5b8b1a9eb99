package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"unbrick/server/form"
)

// side asks one of the server's two handlers.
func (r *rig) side(h http.Handler, method, url string, header ...string) (int, string) {
	r.Helper()
	q := httptest.NewRequest(method, url, nil)
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	r.held(q, w.Result(), w.Body.Bytes())
	code := ""
	if w.Code >= 400 && strings.HasPrefix(w.Header().Get("Content-Type"), jsonType) {
		code = decode[form.Problem](r, w.Body.Bytes()).Code
	}
	return w.Code, code
}

// TestOperatorsListener: with a listener of their own, what is the operators' is told to nobody at the public one, whatever he brings, and
// all is served at theirs; without one all is served at the one that there is.
func TestOperatorsListener(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the page") })
	for _, split := range []bool{false, true} {
		r := newServer(t, func(c *Config) { c.Split, c.Page = split, page })
		d, err := described()
		if err != nil {
			t.Fatal(err)
		}
		own := 0
		for path, methods := range d.Paths {
			for method := range methods {
				method = strings.ToUpper(method)
				if path == form.Link.Path {
					continue // of terminals: at both
				}
				strangers := mays[method+" "+path] == "*" && path != form.LoginPath
				address := "http://127.0.0.1:8080" + strings.NewReplacer("{id}", "1", "{model}", "0001", "{serial}", "A", "{image}", strings.Repeat("0", 64),
					"{account}", "nobody", "{token}", "00000000").Replace(path)
				for _, header := range [][]string{{}, {"Authorization", "Bearer " + testToken}} {
					status, code := r.side(r.s.Handler(), method, address, header...)
					if gone := status == 421 && code == "operators"; gone != (split && !strangers) {
						t.Errorf("split %t: %s %s at the public listener: %d %s", split, method, path, status, code)
					} else if gone {
						own++
					}
					if status, code := r.side(r.s.Operators(), method, address, header...); status == 421 || status == 401 && len(header) > 0 {
						t.Errorf("split %t: %s %s at the operators' listener: %d %s", split, method, path, status, code)
					}
				}
			}
		}
		if split && own < 2*25 {
			t.Errorf("%d refused", own)
		}
		for name, h := range map[string]http.Handler{"public": r.s.Handler(), "operators'": r.s.Operators()} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/", nil))
			if w.Code != 200 || w.Body.String() != "the page" {
				t.Errorf("the page at the %s listener: %d", name, w.Code)
			}
		}
	}
}

// TestCookieAtThePublicListener: a cookie goes to every port of a host, and signs somebody in at the operators' listener alone.
func TestCookieAtThePublicListener(t *testing.T) {
	for _, split := range []bool{false, true} {
		r := newServer(t, func(c *Config) { c.Split = split })
		q := httptest.NewRequest("POST", "http://127.0.0.1"+form.LoginPath, strings.NewReader(`{"token":"`+testToken+`"}`))
		q.Header.Set("Content-Type", jsonType)
		w := httptest.NewRecorder()
		r.s.Operators().ServeHTTP(w, q)
		cookies := w.Result().Cookies()
		if w.Code != 200 || len(cookies) != 1 {
			t.Fatalf("sign in: %d, %v", w.Code, cookies)
		}
		for name, side := range map[string]struct {
			h    http.Handler
			want string
		}{"operators'": {r.s.Operators(), "environment"}, "public": {r.s.Handler(), map[bool]string{false: "environment"}[split]}} {
			q := httptest.NewRequest("GET", "http://127.0.0.1"+form.WhoAmIPath, nil)
			q.AddCookie(cookies[0])
			w := httptest.NewRecorder()
			side.h.ServeHTTP(w, q)
			if who := decode[form.Who](r, w.Body.Bytes()).Account; w.Code != 200 || who != side.want {
				t.Errorf("split %t: at the %s listener: %d %q, want %q", split, name, w.Code, who, side.want)
			}
		}
	}
}

// TestMetricsNeedARole: what is counted tells of the fleet, and is told to who may see it, or at the operators' own address.
func TestMetricsNeedARole(t *testing.T) {
	for _, split := range []bool{false, true} {
		r := newRig(t, func(c *Config) { c.Split = split })
		tokens := map[string]string{"": ""}
		for _, role := range []string{"view", "operate", "publish", "admin"} {
			tokens[role] = "Bearer " + r.account(role, role)
		}
		tokens["view of 0001"] = "Bearer " + r.account("bound", "view", "0001")
		tokens["wrong"] = "Bearer wrong"
		for role, token := range tokens {
			for host, byName := range map[string]bool{"127.0.0.1:8081": false, "[::1]": false, "localhost:8081": false, "rebound.example": true} {
				want := map[string]int{"view": 200, "operate": 200, "": 401, "wrong": 401}[role]
				switch {
				case split && !byName && role == "":
					want = 200
				case want == 0:
					want = 403
				}
				h := r.s.Handler()
				if split {
					h = r.s.Operators()
				}
				header := []string{"Authorization", token}
				if token == "" {
					header = nil
				}
				if got, code := r.side(h, "GET", "http://"+host+"/metrics", header...); got != want {
					t.Errorf("split %t, %q at %s: %d %s, want %d", split, role, host, got, code, want)
				}
			}
		}
		if split { // the cookie of the page goes to every port of its host
			cookie := r.signIn(strings.TrimPrefix(tokens["admin"], "Bearer "))
			for whose, h := range map[string]http.Handler{"": r.s.Handler(), "admin": r.s.Operators()} {
				q := httptest.NewRequest("GET", "http://127.0.0.1/api/whoami", nil)
				q.Header.Set("Cookie", cookie)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, q)
				if got := decode[form.Who](r, w.Body.Bytes()).Account; got != whose {
					t.Errorf("by its cookie the page is %q, want %q", got, whose)
				}
			}
		}
	}
}

// TestOperatorsListenerCounts: connections that the operators' listener refuses, and those on which nobody asks, are counted as its own.
func TestOperatorsListenerCounts(t *testing.T) {
	const beyond = 3
	r := newRig(t, func(c *Config) { c.Split = true })
	public, own := serveOn(t, r.s.Handler(), r.s.Listen), serveOn(t, r.s.Operators(), r.s.ListenOperators)
	conns := make([]net.Conn, 0, operatorRoom+beyond)
	for range cap(conns) {
		c, err := net.Dial("tcp", own)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	m := r.s.metrics
	count := func(listener string) string {
		return fmt.Sprintf("%d %d %d", counted(m.RefusedConns, listener, "address"), counted(m.RefusedConns, listener, "total"), counted(m.Wasted, listener))
	}
	r.until("those beyond the bound are refused", func() bool { return count("operators") == fmt.Sprintf("0 %d 0", beyond) })
	for _, c := range conns {
		c.Close()
	}
	r.until("the others are counted as lost", func() bool { return count("operators") == fmt.Sprintf("0 %d %d", beyond, operatorRoom) })
	if got := count("public"); got != "0 0 0" {
		t.Errorf("at the public listener were counted %s", got)
	}
	c, err := net.Dial("tcp", public)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	r.until("one at the public listener is counted there", func() bool { return count("public") == "0 0 1" })
	w := httptest.NewRecorder()
	r.s.Operators().ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/metrics", nil))
	for _, line := range []string{
		fmt.Sprintf("unbrick_connections_refused_total{bound=\"total\",listener=\"operators\"} %d\n", beyond),
		fmt.Sprintf("unbrick_connections_wasted_total{listener=\"operators\"} %d\n", operatorRoom),
		"unbrick_connections_wasted_total{listener=\"public\"} 1\n",
	} {
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("what is counted does not tell %s", line)
		}
	}
}
