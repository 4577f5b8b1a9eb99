package fleet

// NewAccount makes an account.
type NewAccount struct {
	shows
	Draft *Draft
}
