package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"unbrick/internal/cbor"
	"unbrick/server/access"
	"unbrick/server/form"
)

// maxJSON bounds a body of JSON, in bytes.
const maxJSON = 16 << 10

// door is an address with its method, as it was opened: what the published description is made of.
type door struct {
	form.Route
	in, out reflect.Type
}

// handlerFunc answers a request or returns why it cannot.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// on opens an endpoint: f gets what came in and returns what goes out, nil if it has answered itself.
// refuses, if there is one, may refuse a request whose body was not read yet.
func on[In, Out any](s *Server, e form.Endpoint[In, Out], f func(http.ResponseWriter, *http.Request, *In) (*Out, error),
	refuses ...func(*http.Request) error) {
	var in In
	var out Out
	s.open(door{e.Route, reflect.TypeOf(in), reflect.TypeOf(out)}, s.api(&e.Route, func(w http.ResponseWriter, r *http.Request) error {
		var in In
		var answer *Out
		err := s.act(r, &e.Route, func(r *http.Request) (err error) {
			if err := s.admitted(r, &e.Route, refuses); err != nil {
				return err
			}
			if err := read(w, r, e.Takes, reflect.ValueOf(&in).Elem()); err != nil {
				return err
			}
			tell(r, &e.Route, reflect.ValueOf(&in).Elem())
			if err := bind(asks(r), &e.Route, reflect.ValueOf(&in).Elem()); err != nil {
				return err
			}
			answer, err = f(w, r, &in)
			return err
		})
		if err != nil || answer == nil {
			return err
		}
		if e.OK() == http.StatusNoContent {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return writeJSON(w, e.OK(), answer)
	}))
}

// admitted refuses a request before its body is read.
func (s *Server) admitted(r *http.Request, route *form.Route, refuses []func(*http.Request) error) error {
	if err := permit(asks(r), route); err != nil {
		return err
	}
	if err := checkNames(r); err != nil {
		return err
	}
	for _, refuse := range refuses {
		if err := refuse(r); err != nil {
			return err
		}
	}
	return nil
}

// open adds an address to what is served. Nothing else does.
func (s *Server) open(d door, h http.Handler) {
	s.doors = append(s.doors, d)
	s.mux.Handle(d.Method+" "+d.Path, h)
	if d.Own() {
		h = http.HandlerFunc(elsewhere)
	}
	s.public.Handle(d.Method+" "+d.Path, h)
}

// handle serves what is no door on either side.
func (s *Server) handle(pattern string, h http.HandlerFunc) {
	s.mux.HandleFunc(pattern, h)
	s.public.HandleFunc(pattern, h)
}

// elsewhere answers for a door of operators where they have a listener of their own.
func elsewhere(w http.ResponseWriter, _ *http.Request) {
	apiHeaders(w.Header())
	writeProblem(w, problem(http.StatusMisdirectedRequest, "operators",
		"this is not served here: operators have an address of their own (unbrick serve --admin-addr)"))
}

// withoutCookie takes from requests what only the operators' page has: a cookie goes to all ports of a host.
func withoutCookie(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		next.ServeHTTP(w, r)
	})
}

// read fills what goes into an endpoint with what a request says.
func read(w http.ResponseWriter, r *http.Request, takes string, in reflect.Value) error {
	kind := contentType(r)
	_, hasBody := in.Type().FieldByName("Body")
	if takes == form.CBOR && kind != takes && !(hasBody && kind == form.JSON) {
		return problem(http.StatusUnsupportedMediaType, "media-type", "this is sent as %s%s, not as %q", takes,
			map[bool]string{true: " or " + form.JSON}[hasBody], kind)
	}
	query := r.URL.Query()
	return form.Fields(in, func(f reflect.StructField, v reflect.Value) error {
		var texts []string
		tag := f.Tag.Get
		switch {
		case f.Name == "Body":
			if kind == takes && takes != "" {
				return nil // its handler reads it
			}
			return readJSON(w, r, v)
		case tag("path") != "":
			texts = []string{r.PathValue(tag("path"))}
		case tag("header") != "":
			texts = r.Header.Values(tag("header"))
		default:
			texts = []string{query.Get(tag("query"))}
		}
		if what := set(v, texts, f.Tag); what != "" {
			return malformed("%s is %s", tag("query")+tag("path")+tag("header"), what)
		}
		return nil
	})
}

// set puts texts into a field, or says what they should be. An empty one leaves it as it is.
func set(v reflect.Value, texts []string, tag reflect.StructTag) (what string) {
	if v.Kind() == reflect.Slice {
		v.Set(reflect.ValueOf(texts))
		return ""
	}
	text := texts[0]
	if text == "" {
		return ""
	}
	switch v.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return "true or false"
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		least, most := tag.Get("min"), tag.Get("max")
		if err != nil {
			n = -1
		}
		if from, _ := strconv.ParseInt(least, 10, 64); n < from {
			err = strconv.ErrRange
		}
		if to, no := strconv.ParseInt(most, 10, 64); no == nil && n > to {
			err = strconv.ErrRange
		}
		if err != nil && most != "" {
			return least + " to " + most
		} else if err != nil {
			return "a number"
		}
		v.SetInt(n)
	default:
		v.SetString(text)
	}
	return ""
}

// readJSON decodes a body strictly: no unknown field, nothing behind the value, and of words only those that a field may have.
func readJSON(w http.ResponseWriter, r *http.Request, v reflect.Value) error {
	b, err := access.Body(w, r, maxJSON)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(v.Addr().Interface()); err != nil {
		return malformed("the body is not the JSON that is expected here: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("there is more behind the JSON value")
	}
	return form.Fields(v, func(f reflect.StructField, v reflect.Value) error {
		words := f.Tag.Get("enum")
		if words == "" || slices.Contains(strings.Split(words, ","), v.String()) {
			return nil
		}
		return malformed("%s %q is none of %s", f.Tag.Get("json"), v.String(), strings.ReplaceAll(words, ",", ", "))
	})
}

// wantsCBOR says whether the client asks for CBOR.
func wantsCBOR(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if strings.EqualFold(mediaType(part), form.CBOR) {
			return true
		}
	}
	return false
}

// contentType is the media type of the body.
func contentType(r *http.Request) string {
	return strings.ToLower(mediaType(r.Header.Get("Content-Type")))
}

// mediaType is a media type without its parameters.
func mediaType(s string) string {
	kind, _, _ := strings.Cut(s, ";")
	return strings.TrimSpace(kind)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	write(w, status, form.JSON, append(b, '\n'))
	return nil
}

// writeList sends a list as one array of CBOR, to which each adds an item.
func writeList[T any](w http.ResponseWriter, list []T, each func(c *cbor.Writer, item *T)) error {
	c := cbor.Appending(nil)
	c.Array(len(list))
	for i := range list {
		each(c, &list[i])
	}
	b, err := c.Result()
	if err == nil {
		write(w, http.StatusOK, form.CBOR, b)
	}
	return err
}

// write sends an answer. A client that has gone is no error of ours.
func write(w http.ResponseWriter, status int, kind string, b []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Add("Vary", "Accept")
	w.WriteHeader(status)
	w.Write(b)
}
