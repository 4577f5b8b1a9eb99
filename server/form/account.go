package form

import "time"

// Endpoints of accounts.
var (
	WhoAmI = Endpoint[Nothing, Who]{Route{Method: "GET", Path: WhoAmIPath, Needs: Anyone,
		Summary: "Who asks, and what serves."}}
	SignIn = Endpoint[Credentials, Who]{Route{Method: "POST", Path: LoginPath, Needs: Anyone, Operators: true,
		Sends:   []string{"Set-Cookie"},
		Summary: "Gives a page a cookie for a token."}}
	SignOut = Endpoint[Nothing, Nothing]{Route{Method: "DELETE", Path: LoginPath, Needs: Anyone, Operators: true, Act: "login.end",
		Status: 204,
		Sends:  []string{"Set-Cookie"}, Summary: "Ends the login that the cookie is of."}}
	ListAccounts = Endpoint[AccountQuery, Accounts]{Route{Method: "GET", Path: AccountsPath,
		Summary: "The accounts, in order of their names."}}
	PutAccount = Endpoint[AccountChange, Account]{Route{Method: "PUT", Path: "/api/accounts/{account}", Act: "account.put",
		Refuses: []int{409, 507},
		Summary: "Makes an account, or says anew what it may. Its pages have to sign in again."}}
	RemoveAccount = Endpoint[AccountName, Nothing]{Route{Method: "DELETE", Path: "/api/accounts/{account}",
		Act: "account.remove", Status: 204,
		Refuses: []int{404, 409}, Summary: "Removes an account with its tokens and logins."}}
	BarAccount = Endpoint[AccountBar, Account]{Route{Method: "PUT", Path: "/api/accounts/{account}/barred", Act: "account.bar",
		Refuses: []int{404, 409},
		Summary: "Keeps a person whom an identity provider knows out, or lets it in again."}}
	ListTokens = Endpoint[TokenQuery, Tokens]{Route{Method: "GET", Path: TokensPath,
		Summary: "The tokens, the newest first, without what is secret of them."}}
	MakeToken = Endpoint[TokenWish, NewToken]{Route{Method: "POST", Path: "/api/accounts/{account}/tokens", Act: "token.make", Status: 201,
		Refuses: []int{404, 409}, Summary: "Makes a token for an account. It is shown this once."}}
	RemoveToken = Endpoint[TokenID, Nothing]{Route{Method: "DELETE", Path: "/api/tokens/{token}", Act: "token.remove", Status: 204,
		Refuses: []int{404, 409}, Summary: "Ends a token, and the logins begun with it."}}
	ListActs = Endpoint[ActQuery, Acts]{Route{Method: "GET", Path: AuditPath, Needs: MaySignIn,
		Summary: "The audit log, the newest first: who did what. Who may not administer sees its own acts."}}
	PruneActs = Endpoint[Prune, Nothing]{Route{Method: "DELETE", Path: AuditPath, Act: "audit.prune", Status: 204, Refuses: []int{404},
		Summary: "Takes the rows before one away. One row stands for them and keeps the chain."}}
)

// Who says who asks, and what answers.
type Who struct {
	Account string   `json:"account"` // empty: a stranger
	Roles   []string `json:"roles"`
	Models  []string `json:"models"`  // that it is bound to; none: all
	Version string   `json:"version"` // of the program
	Demo    bool     `json:"demo"`

	Provider *Provider `json:"provider,omitempty"` // by which persons may sign in, too; none: tokens alone
}

// Provider is an identity provider.
type Provider struct {
	Host string `json:"host"` // for people
	URL  string `json:"url"`  // where a browser begins to sign in
}

// Credentials are what a page signs in with.
type Credentials struct {
	Body struct {
		Token string `json:"token"`
	}
}

// AccountQuery asks for accounts.
type AccountQuery struct{ Page }

// AccountName names an account.
type AccountName struct {
	Account string `path:"account"`
}

// AccountBar says whether a person may sign in.
type AccountBar struct {
	AccountName
	Body struct {
		Barred bool `json:"barred"`
	}
}

// AccountChange says what an account may.
type AccountChange struct {
	AccountName
	Body struct {
		Roles  []string `json:"roles"`  // of view, operate, publish and admin, at least one
		Models []string `json:"models"` // that it is bound to; none: all
		// It shall be a new one: one of this name is left as it is, and that is told.
		New bool `json:"new,omitempty"`
	}
}

// Accounts are a page of accounts.
type Accounts struct {
	Accounts []Account `json:"accounts"`
	Next     string    `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows returns the entries of a page, and the cursor of the next.
func (l Accounts) Rows() ([]Account, string) { return l.Accounts, l.Next }

// Account is a person or a program with rights on the server.
type Account struct {
	Name   string    `json:"name"`
	Roles  []string  `json:"roles"`
	Models []string  `json:"models"` // that it is bound to; none: all
	Made   time.Time `json:"made"`
	Tokens int       `json:"tokens"` // that have not ended

	// Of a person whom an identity provider knows, by issuer and subject: its groups say what it may.
	Issuer  string `json:"issuer,omitempty"`
	Subject string `json:"subject,omitempty"`
	Called  string `json:"called,omitempty"` // what the provider calls the person
	Barred  bool   `json:"barred,omitempty"`
}

// TokenQuery asks for tokens.
type TokenQuery struct {
	Page
	Account string `query:"account"` // of one account
}

// TokenID names a token.
type TokenID struct {
	Token string `path:"token"` // the 8 characters behind ubk_
}

// TokenWish says what a token shall be.
type TokenWish struct {
	AccountName
	Body struct {
		Note string     `json:"note"`           // what it is for
		Ends *time.Time `json:"ends,omitempty"` // none: never
	}
}

// Tokens are a page of tokens.
type Tokens struct {
	Tokens []Token `json:"tokens"`
	Next   string  `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows returns the entries of a page, and the cursor of the next.
func (l Tokens) Rows() ([]Token, string) { return l.Tokens, l.Next }

// Token is what can be told of a token.
type Token struct {
	ID      string     `json:"id"`
	Account string     `json:"account"`
	Note    string     `json:"note"`
	Made    time.Time  `json:"made"`
	Ends    *time.Time `json:"ends,omitempty"` // none: never
	Used    *time.Time `json:"used,omitempty"` // the last time, to the hour; none: never
	Ended   bool       `json:"ended"`
}

// NewToken is a token that was made.
type NewToken struct {
	Token
	Text string `json:"text"` // the secret, shown this once
}

// ActQuery asks for rows of the audit log.
type ActQuery struct {
	Page
	Account string `query:"account"` // what one account did
	Oldest  bool   `query:"oldest"`  // the oldest first: to keep a copy
}

// Acts are a page of the audit log.
type Acts struct {
	Acts []Act  `json:"acts"`
	Next string `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows returns the entries of a page, and the cursor of the next.
func (l Acts) Rows() ([]Act, string) { return l.Acts, l.Next }

// Act is a row of the audit log (docs/formats.md).
type Act struct {
	N       int64     `json:"n"`
	At      time.Time `json:"at"`
	Account string    `json:"account"`
	Token   string    `json:"token"` // ID of the one that it was known by
	Address string    `json:"address"`
	Name    string    `json:"act"`
	Object  string    `json:"object"`
	Before  string    `json:"before"`
	After   string    `json:"after"`
	Result  string    `json:"result"` // done, unchanged, or the code of the refusal
	Hash    string    `json:"hash"`   // SHA-256 over the hash of the row before and this row
}

// Prune says up to where rows go.
type Prune struct {
	Before int64 `query:"before" min:"2"` // the first row that stays
}
