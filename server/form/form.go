// Package form is the server's HTTP API as types: which addresses there are, what is sent to them and what they answer. It is
// the one description that the server's handlers, the command, the page's Fleet and the published OpenAPI document
// (server/api/openapi.json) are made of.
//
// An Endpoint names method and address, and by its type parameters what goes in and out. Of what goes in, each field says where
// it travels: `path:"model"` in the address, `query:"limit"` behind it, `header:"Unbrick-Public-Key"`; Body is the body as JSON.
// `min`, `max` and `enum` bound a value. What stands in comments here stands in the document, too. JSON leaves out what is
// empty where a tag says so, and
// readers pass over fields that they do not know: an older or newer server costs a field.
//
// The package knows nothing of HTTP or JSON itself: the page uses it, and has neither.
package form

import (
	"cmp"
	"reflect"
)

// Endpoint is one method of one address.
type Endpoint[In, Out any] struct {
	Route
}

// Route is what an Endpoint says besides its types.
type Route struct {
	Method, Path string // with {names} where a field of what goes in belongs
	Summary      string
	Needs        Right  // of who asks
	Act          string // its name in the audit log; empty: it changes nothing that accounts answer for
	Status       int    // of a good answer; 0: 200
	Refuses      []int  // statuses of its own refusals, besides those that every address has
	// Takes and Gives are media types besides JSON; Gives is sent to who asks for it.
	Takes, Gives string
	Sends        []string // headers of its own
	NoCookie     bool     // a login's cookie says nothing here: what a page tells of a device is nobody's act but its reporter's
	Operators    bool     // leaves the public listener when operators have one of their own, although strangers may ask
}

// Right is what an Endpoint needs of who asks. Package account says which roles give it.
type Right uint8

// The rights. One that says nothing is the narrowest.
const (
	MayAdminister Right = iota // accounts, tokens, the audit log
	Anyone                     // strangers, too
	MaySignIn                  // every account
	MaySee                     // devices
	MaySeeFiles                // update files
	MayHandle                  // devices
	MayPublish                 // models, releases, update files, rollouts
	MayHalt                    // rollouts
)

// Own says whether a route is for operators alone, and leaves the public listener when they have one of their own.
func (r *Route) Own() bool { return r.Operators || r.Needs != Anyone }

// OK is the status of a good answer.
func (r *Route) OK() int { return cmp.Or(r.Status, 200) }

// Addresses that the page asks by themselves: an Endpoint would come with all that it says.
const (
	SummaryPath  = "/api/summary"
	DevicesPath  = "/api/devices"
	ReleasesPath = "/api/releases"
	LoginPath    = "/api/login"
	WhoAmIPath   = "/api/whoami"
	AccountsPath = "/api/accounts"
	TokensPath   = "/api/tokens"
	AuditPath    = "/api/audit"

	ModelsPath    = "/api/models"
	StrangersPath = "/api/strangers"
)

// Media types.
const (
	JSON   = "application/json"
	CBOR   = "application/cbor"
	Binary = "application/octet-stream"
	Text   = "text/plain"
	CSV    = "text/csv"
)

// Problem is the answer to what cannot be done.
type Problem struct {
	Text string `json:"error"` // a sentence for people
	// For programs; it stays when the sentence changes.
	Code string `json:"code" enum:"broken-off,busy,conflict,counter,cross-origin,device-key,does-not-fit,ended-token,enrolment,forbidden,full,in-use,internal,last-admin,limit,making,malformed,media-type,method,no-bsdiff,no-key,no-rollout,no-tls,no-token,not-found,older-version,operators,order,other-model,receipt,signature,stopping,too-large,too-many,trust-statement,two-identities,unknown-key,unknown-model,version,withdrawn,wrong-image,wrong-token"`
}

// Page says which part of a list is asked for.
type Page struct {
	Cursor string `query:"cursor"`                  // the next of the page before; empty: from the start
	Limit  int    `query:"limit" min:"1" max:"500"` // entries at most; without it, as many as the list gives by itself
}

// After asks for the page behind a cursor.
func (p *Page) After(cursor string) { p.Cursor = cursor }

// Nothing is what goes in, or comes out, where there is nothing to say.
type Nothing struct{}

// Fields calls do for each field of a struct, also for those of structs that it embeds, until do returns an error.
func Fields(v reflect.Value, do func(reflect.StructField, reflect.Value) error) error {
	for f, field := range v.Fields() {
		err := error(nil)
		if f.Anonymous {
			err = Fields(field, do)
		} else {
			err = do(f, field)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
