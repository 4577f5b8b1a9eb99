package words

// turned says why the identity provider's person was not signed in, by the server's word.
var turned = map[string]string{
	"down":            "The identity provider does not answer. Try again in a moment, or sign in with a token.",
	"too-long":        "The identity provider answered more than this server takes.",
	"nonsense":        "The identity provider answered what this server does not understand.",
	"denied":          "The identity provider refused the sign-in.",
	"stale":           "This sign-in began too long ago, or in another browser, or was done already. Begin again.",
	"wrong-issuer":    "Another identity provider answered than the one that was asked.",
	"wrong-audience":  "The identity provider’s word was meant for another program.",
	"wrong-signature": "The identity provider’s word is not signed by a key of its own.",
	"expired":         "The identity provider’s word has expired. Perhaps a clock is wrong.",
	"wrong-nonce":     "The identity provider’s word answers another sign-in. Begin again.",
	"no-groups":       "The identity provider does not say which groups you are in.",
	"bad-groups":      "What the identity provider says of your groups is no list of names.",
	"no-role":         "You are in no group that may anything here. Whoever administers the server can tell which groups may.",
	"barred":          "Your account is barred. Whoever administers the server can free it.",
	"full":            "The server has no room for another account.",
}

// SignInTurned says why somebody was not signed in. The server's log says more.
func SignInTurned(word string) string {
	if said, known := turned[word]; known {
		return said
	}
	return "You were not signed in. The server’s log says why."
}

// SignInWith is the button by which a person signs in at a provider.
func SignInWith(host string) string { return "Sign in with " + host }

// SignInBy says how long a sign-in by the identity provider lasts.
const SignInBy = "You stay signed in for 12 hours at most."
