package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"unbrick/server/account"
	"unbrick/server/form"
	"unbrick/server/metrics"
	"unbrick/server/session"

	"github.com/google/jsonschema-go/jsonschema"
)

var write310 = flag.Bool("update", false, "write openapi.json anew")

// TestDescription: openapi.json is what the doors that are open make of it. go test ./server/api -run TestDescription -update
// writes it. What package server's tests ask and are answered is held to it there (TestMain).
func TestDescription(t *testing.T) {
	made := describeDoors(t, openDoors())
	if *write310 {
		if err := os.WriteFile("openapi.json", made, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(made, description) {
		t.Error("openapi.json does not describe the doors that are open: -update writes it")
	}
}

// TestDescriptionIsOpenAPI: the document is one by the schema that the OpenAPI initiative publishes for 3.1
// (spec.openapis.org/oas/3.1/schema).
func TestDescriptionIsOpenAPI(t *testing.T) {
	b, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	schema := &jsonschema.Schema{}
	if err := json.Unmarshal(b, schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(doc map[string]any)
		fine   bool
	}{
		"as it is":            {func(map[string]any) {}, true},
		"another version":     {func(doc map[string]any) { doc["openapi"] = "3.0.0" }, false},
		"a path without /":    {func(doc map[string]any) { doc["paths"].(map[string]any)["x"] = map[string]any{} }, false},
		"a path of no method": {func(doc map[string]any) { doc["paths"].(map[string]any)["/healthz"] = map[string]any{"get": 1} }, false},
	} {
		var doc map[string]any
		if err := json.Unmarshal(description, &doc); err != nil {
			t.Fatal(err)
		}
		c.change(doc)
		if err := resolved.Validate(doc); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDescribedMethods: each address that the mux knows takes exactly the methods that are described, and no other is described.
func TestDescribedMethods(t *testing.T) {
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	s := openDoors()
	for _, d := range s.doors {
		if doc.Paths[d.Path][strings.ToLower(d.Method)] == nil {
			t.Errorf("%s %s is not described", d.Method, d.Path)
		}
	}
	for path, methods := range doc.Paths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			r, err := http.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(path), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, pattern := s.mux.Handler(r)
			if taken := pattern == method+" "+path; taken != (methods[strings.ToLower(method)] != nil) {
				t.Errorf("%s %s: taken %v, by %q; described %v", method, path, taken, pattern, !taken)
			}
		}
	}
}

// openDoors is a server with all its doors, and nobody behind them.
func openDoors() *Server {
	s := &Server{cfg: Config{Metrics: metrics.New("test"), Log: slog.New(slog.DiscardHandler), Live: session.NewLive(), Now: time.Now}, mux: http.NewServeMux(), public: http.NewServeMux()}
	s.routes()
	return s
}

type object map[string]any

// describer makes the description.
type describer struct {
	testing.TB
	says    map[string]string // comments, by Type or Type.Field
	schemas object
}

// describeDoors makes an OpenAPI 3.1 document.
func describeDoors(t *testing.T, s *Server) []byte {
	d := &describer{t, comments(t), object{}}
	paths := object{}
	for _, door := range s.doors {
		at, there := paths[door.Path].(object)
		if !there {
			at = object{}
			paths[door.Path] = at
		}
		at[strings.ToLower(door.Method)] = d.operation(door)
	}
	b, err := json.MarshalIndent(object{
		"openapi": "3.1.1",
		"info": object{"title": "Unbrick's server", "version": "1",
			"description": "What publishers, operators, the page and supervisors ask. Readers pass over fields that they do not know."},
		"paths": paths,
		"components": object{
			"schemas": d.schemas,
			"securitySchemes": object{
				"token": object{"type": "http", "scheme": "bearer", "description": "A token. Of the roles that stand there, one is needed."},
				"login": object{"type": "apiKey", "in": "cookie", "name": "__Host-unbrick", "description": "A page's login. In the clear, on the machine itself, the cookie is named unbrick."}},
			"responses": object{"Problem": object{
				"description": "It cannot be done.", "content": object{form.JSON: object{"schema": d.schema(reflect.TypeFor[form.Problem](), false)}},
				"headers": object{"Retry-After": header("Seconds after which asking again is of use."), "WWW-Authenticate": header("With 401."), "Allow": header("With 405.")},
			}},
		},
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func header(says string) object {
	return object{"description": says, "schema": object{"type": "string"}}
}

// operation describes a door.
func (d *describer) operation(door door) object {
	o := object{"summary": door.Summary, "responses": d.responses(door)}
	roles := account.Grants(door.Needs).Words()
	if door.Needs != form.Anyone {
		o["security"] = []object{{"token": roles}, {"login": roles}}
	} else if door.in != nil {
		o["security"] = []object{{}, {"token": roles}, {"login": roles}}
	}
	if door.in == nil {
		return o
	}
	var parameters []object
	content := object{}
	if door.Takes != "" {
		content[door.Takes] = object{"schema": object{"type": "string", "format": "binary"}}
	}
	form.Fields(reflect.New(door.in).Elem(), func(f reflect.StructField, v reflect.Value) error {
		if f.Name == "Body" {
			content[form.JSON] = object{"schema": d.schema(f.Type, true)}
			return nil
		}
		for _, in := range []string{"path", "query", "header"} {
			name := f.Tag.Get(in)
			if name == "" {
				continue
			}
			p := object{"name": name, "in": in, "schema": bounded(d.schema(f.Type, true), f.Tag)}
			if in == "path" {
				p["required"] = true
			}
			if says := d.says[owner(door.in, f)+"."+f.Name]; says != "" {
				p["description"] = says
			}
			parameters = append(parameters, p)
		}
		return nil
	})
	if parameters != nil {
		o["parameters"] = parameters
	}
	if len(content) > 0 {
		o["requestBody"] = object{"content": content, "required": true}
	}
	return o
}

// owner is the name of the struct that declares a field.
func owner(t reflect.Type, f reflect.StructField) string {
	for i := range t.NumField() {
		if e := t.Field(i); e.Anonymous {
			if _, ok := e.Type.FieldByName(f.Name); ok {
				return owner(e.Type, f)
			}
		}
	}
	return t.Name()
}

// responses describes what a door may answer.
func (d *describer) responses(door door) object {
	content := object{}
	if door.out != nil && door.out.NumField() > 0 {
		content[form.JSON] = object{"schema": d.schema(door.out, false)}
	}
	switch {
	case door.Gives == form.JSON:
		content[form.JSON] = object{"schema": object{"type": "object"}}
	case door.Gives != "":
		content[door.Gives] = object{"schema": object{"type": "string", "format": "binary"}}
	}
	all := append([]int{door.OK()}, door.Refuses...)
	if door.Path != form.Health.Path && door.Path != form.Ready.Path {
		all = append(all, http.StatusTooManyRequests)
	}
	if door.Own() {
		all = append(all, http.StatusMisdirectedRequest)
	}
	if door.in != nil {
		all = append(all, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError)
		if door.Method != http.MethodGet {
			all = append(all, http.StatusInsufficientStorage)
		}
	}
	list := object{}
	for _, status := range all {
		a := object{"description": http.StatusText(status)}
		switch {
		case status == http.StatusSwitchingProtocols || status == http.StatusNotModified || status == http.StatusNoContent:
		case status == http.StatusRequestedRangeNotSatisfiable, status == http.StatusServiceUnavailable && door.Gives == form.Text:
			a["content"] = object{form.Text: object{"schema": object{"type": "string"}}}
		case status >= 300:
			a = object{"$ref": "#/components/responses/Problem"}
		default:
			a["content"] = content
		}
		if door.Sends != nil && status < 500 && a["$ref"] == nil {
			headers := object{}
			for _, name := range door.Sends {
				headers[name] = object{"schema": object{"type": "string"}}
			}
			a["headers"] = headers
		}
		list[strconv.Itoa(status)] = a
	}
	return list
}

// schema describes a type as JSON has it. Of what comes in, only what is held to words is demanded.
func (d *describer) schema(t reflect.Type, in bool) object {
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem(), in)
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Interface:
		return object{}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": d.schema(t.Elem(), in)}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": d.schema(t.Elem(), in)}
	case reflect.Struct:
		return d.structure(t, in)
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	}
	return object{"type": "integer", "minimum": 0, "maximum": uint64(1)<<t.Bits() - 1}
}

// structure describes a struct: one with a name once, by reference.
func (d *describer) structure(t reflect.Type, in bool) object {
	if t == reflect.TypeFor[time.Time]() {
		return object{"type": "string", "format": "date-time"}
	}
	ref := object{"$ref": "#/components/schemas/" + t.Name()}
	if d.schemas[t.Name()] != nil {
		return ref
	}
	properties, required := object{}, []string{}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if t.Name() != "" {
		d.schemas[t.Name()] = s
	}
	if says := d.says[t.Name()]; says != "" {
		s["description"] = says
	}
	form.Fields(reflect.New(t).Elem(), func(f reflect.StructField, _ reflect.Value) error {
		name, optional, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := bounded(d.schema(f.Type, in), f.Tag)
		if says := d.says[owner(t, f)+"."+f.Name]; says != "" {
			p["description"] = says
		}
		properties[name] = p
		if optional == "" && (!in || f.Tag.Get("enum") != "") {
			required = append(required, name)
		}
		return nil
	})
	if len(required) > 0 {
		s["required"] = required
	}
	if t.Name() == "" {
		return s
	}
	return ref
}

// bounded adds what tags say of a value.
func bounded(s object, tag reflect.StructTag) object {
	if words := tag.Get("enum"); words != "" {
		s["enum"] = strings.Split(words, ",")
	}
	for name, key := range map[string]string{"min": "minimum", "max": "maximum"} {
		if n, err := strconv.Atoi(tag.Get(name)); err == nil {
			s[key] = n
		}
	}
	return s
}

// comments reads what package form says of its types and fields.
func comments(t *testing.T) map[string]string {
	says := map[string]string{}
	names, err := filepath.Glob("../form/*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	slices.Sort(names)
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, spec := range g.Specs {
				typ := spec.(*ast.TypeSpec)
				says[typ.Name.Name] = strings.Join(strings.Fields(g.Doc.Text()), " ")
				s, ok := typ.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, field := range s.Fields.List {
					for _, n := range field.Names {
						says[typ.Name.Name+"."+n.Name] = strings.TrimSpace(field.Comment.Text())
					}
				}
			}
		}
	}
	return says
}
