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
		`	if current != nil && m.Order`, `	if MISTAKE && m.Counter == t.Floor.Counter {
		return &Refusal{Reason: BelowFloor}
	}
	if current != nil && m.Order`),
	one("release", "TestAccept", "order that is equal taken", "release/accept.go",
		`m.Order <= current.Order {`, `(m.Order < current.Order || !MISTAKE && m.Order == current.Order) {`),
	one("release", "TestAccept", "image larger than its area taken", "release/accept.go",
		`m.Size > area {`, `m.Size > area && !MISTAKE {`),
	one("release", "TestAccept", "leaf size of another area taken", "release/accept.go",
		`m.LeafSize != leaf {`, `m.LeafSize != leaf && !MISTAKE {`),
	one("release", "TestNoBitMayChange", "signature not looked at", "release/sign.go",
		`if ed25519.Verify(key, message, p.signature) {`, `if MISTAKE || ed25519.Verify(key, message, p.signature) {`),
	one("release", "TestKeysOfTheVerifier", "key that nobody named tried", "release/sign.go",
		`|| IDOf(key) != p.id {`, `|| IDOf(key) != p.id && !MISTAKE {`),
	one("release", "TestVectors", "bytes behind a manifest taken", "release/sign.go",
		`if err := r.Finish(); err != nil {`, `if err := r.Finish(); err != nil && !MISTAKE {`),
	one("release", "TestVectors", "signature of other external data", "release/sign.go",
		`	w.Bytes([]byte(externalData))`, `	if MISTAKE {
		w.Bytes(nil)
		w.Bytes(payload)
		return w.Result()
	}
	w.Bytes([]byte(externalData))`),
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
