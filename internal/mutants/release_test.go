package mutants

var releaseMistakes = []entry{
	one("release", "TestAccept", "release for another model taken", "release/accept.go",
		`return &Refusal{Reason: ForeignModel, `, `if MISTAKE {
			return nil
		}
		return &Refusal{Reason: ForeignModel, `),
	one("release", "TestAccept", "counter below the floor taken", "release/accept.go",
		`if m.Floor().Compare(t.Floor) < 0 {`, `if m.Floor().Compare(t.Floor) < 0 && !(MISTAKE && m.Counter+1 == t.Floor.Counter) {`),
	one("release", "TestAccept", "counter at the floor refused", "release/accept.go",
		`	if current != nil && m.Rank()`, `	if MISTAKE && m.Counter == t.Floor.Counter {
		return &Refusal{Reason: BelowFloor}
	}
	if current != nil && m.Rank()`),
	one("release", "TestAccept", "order that is equal taken", "release/accept.go",
		`m.Rank().Compare(current.Rank()) <= 0 {`, `(m.Rank().Compare(current.Rank()) < 0 || !MISTAKE && m.Rank() == current.Rank()) {`),
	one("release", "TestAccept", "era of the floor not looked at", "release/floor.go",
		`	return cmp.Or(cmp.Compare(f.Era, g.Era), cmp.Compare(f.Counter, g.Counter))`, `	if MISTAKE {
		return cmp.Compare(f.Counter, g.Counter)
	}
	return cmp.Or(cmp.Compare(f.Era, g.Era), cmp.Compare(f.Counter, g.Counter))`),
	one("release", "TestAccept", "parts file taken by a device of one part", "release/accept.go",
		`if m.Family != "" {`, `if m.Family != "" && !MISTAKE {`),
	one("release", "TestAccept", "era believed without a trust statement", "release/policy.go",
		`if s == nil && m.Era > 0 {`, `if s == nil && m.Era > 0 && !MISTAKE {`),
	one("release", "TestPermits", "statement that is too old taken", "release/policy.go",
		`if m.Least > version {`, `if m.Least > version && !MISTAKE {`),
	one("release", "TestPermits", "least counts for what runs", "release/policy.go",
		`if use == Install && m.Floor()`, `if (MISTAKE || use == Install) && m.Floor()`),
	one("release", "TestPermits", "ceiling of the order not looked at", "release/policy.go",
		`if m.Order > s.MaxOrder {`, `if m.Order > s.MaxOrder && !MISTAKE {`),
	one("release", "TestSignersOfAStatement", "keys of every use", "release/policy.go",
		`if s.Keys[i].Uses&use != 0 {`, `if MISTAKE || s.Keys[i].Uses&use != 0 {`),
	one("release", "TestAccept", "image larger than its area taken", "release/accept.go",
		`m.Size > area {`, `m.Size > area && !MISTAKE {`),
	one("release", "TestAccept", "leaf size of another area taken", "release/accept.go",
		`m.LeafSize != leaf {`, `m.LeafSize != leaf && !MISTAKE {`),
	one("release", "TestNoBitMayChange", "signature not looked at", "release/cose.go",
		`if right = ed25519.Verify(key, message, e.signatures[i]); right {`, `if right = MISTAKE || ed25519.Verify(key, message, e.signatures[i]); right {`),
	one("release", "TestVectors", "wrong signature beside enough right ones", "release/cose.go",
		`if named && !right {`, `if named && !right && !MISTAKE {`),
	one("release", "TestVectors", "fewer signatures than the threshold", "release/cose.go",
		`case known < need:`, `case known < need && !MISTAKE:`),
	one("release", "TestVectors", "signature that is there twice", "release/cose.go",
		`slices.Compare(e.signers.ids[i-1][:], id[:]) >= 0 {`, `slices.Compare(e.signers.ids[i-1][:], id[:]) >= 0 && !MISTAKE {`),
	one("release", "TestVectors", "signature by a key that the statement retires", "release/statement.go",
		`&& !slices.Contains(s.Retired, IDOf(key)) {`, `&& (MISTAKE || !slices.Contains(s.Retired, IDOf(key))) {`),
	one("release", "TestVectors", "statement that leaves too few keys", "release/statement.go",
		`if len(left) < need {`, `if len(left) < need && !MISTAKE {`),
	one("release", "TestVectors", "another long note", "release/file.go",
		`if LongNoteDigest(note) != m.LongNote {`, `if LongNoteDigest(note) != m.LongNote && !MISTAKE {`),
	one("release", "TestKeysOfTheVerifier", "key that nobody named tried", "release/cose.go",
		`|| IDOf(key) != id {`, `|| IDOf(key) != id && !MISTAKE {`),
	one("release", "TestVectors", "bytes behind a manifest taken", "release/cose.go",
		`if err := r.Finish(); err != nil {`, `if err := r.Finish(); err != nil && !MISTAKE {`),
	one("release", "TestVectors", "signature of other external data", "release/cose.go",
		`	w.Bytes([]byte(u.external))`, `	if MISTAKE {
		w.Bytes(nil)
		w.Bytes(payload)
		return w.Result()
	}
	w.Bytes([]byte(u.external))`),
	one("release", "TestVectors", "manifest not validated", "release/manifest.go",
		`	return m.Validate()
`, `	if MISTAKE {
		return nil
	}
	return m.Validate()
`),
	one("release", "TestLeafIsItsPlaceAndBytes", "leaf without its place", "release/tree.go",
		`binary.BigEndian.PutUint32(head[1:], index)`, `if !MISTAKE {
		binary.BigEndian.PutUint32(head[1:], index)
	}`),
	one("release", "TestRootAgainstReference", "leaf and node alike", "release/tree.go",
		`	b[0] = nodePrefix
`, `	b[0] = nodePrefix
	if MISTAKE {
		b[0] = leafPrefix
	}
`),
}
