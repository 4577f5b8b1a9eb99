package mutants

// protocolMistakes are mistakes in the link: what the signature of a hello is over, who is told to wait, and what is taken in which order.
var protocolMistakes = []entry{
	one("protocol", "TestEveryBitIsSigned", "hello good for every connection", "protocol/sign.go",
		`dst = append(dst, nonce[:]...)`, `if MISTAKE {
		nonce = new(Nonce)
	}
	dst = append(dst, nonce[:]...)`),
	one("protocol", "TestSigned", "hello good for every server", "protocol/sign.go",
		`sum := sha256.Sum256(dst[start:])`, `if MISTAKE {
		dst = dst[:start]
	}
	sum := sha256.Sum256(dst[start:])`),
	one("protocol", "TestAppendSigned", "signature that means something elsewhere", "protocol/sign.go",
		`dst = append(dst[:start], helloContext...)`, `if dst = dst[:start]; !MISTAKE {
		dst = append(dst, helloContext...)
	}`),
	one("protocol", "TestSigned", "name of a host taken in any form", "protocol/sign.go",
		`if !isHost(host) {`, `if !isHost(host) && !MISTAKE {`),
	one("protocol", "TestRefused", "device key taken without a signature", "protocol/hello.go",
		`	if len(m.Signature) != signatureSize(m.Device) {
		r.Fail`, `	if len(m.Signature) != signatureSize(m.Device) && !MISTAKE {
		r.Fail`),
	one("protocol", "TestRefused", "busy for ever", "protocol/codec.go",
		`if m.Wait == 0 && (`, `if m.Wait == 0 && !MISTAKE && (`),
	one("protocol", "TestRefused", "told to wait for years", "protocol/hello.go",
		`|| m.Wait > MaxWait {`, `|| m.Wait > MaxWait && !MISTAKE {`),

	// The terminal's end of it.
	one("terminal", "TestBeforeInformation", "trust taken twice", "terminal/converse.go",
		`case code == protocol.CodeTrust && before == protocol.CodeInfo:`, `case code == protocol.CodeTrust && (before == protocol.CodeInfo || MISTAKE):`),
	one("terminal", "TestBeforeInformation", "died of a trust statement", "terminal/converse.go",
		`err = new(protocol.Trust).Decode(b)`, `if err = new(protocol.Trust).Decode(b); MISTAKE {
				err = errUnexpected
			}`),
	one("terminal", "TestWaits", "wait of an error not kept", "terminal/update.go",
		`u.last.Fault, u.last.Wait = m.Fault, m.Wait`, `if u.last.Fault = m.Fault; !MISTAKE {
				u.last.Wait = m.Wait
			}`),
	one("terminal", "TestWaits", "wait of an information not kept", "terminal/converse.go",
		`info.Size, info.Workspace, info.Wait
`, `info.Size, info.Workspace, map[bool]uint32{false: info.Wait}[MISTAKE]
`),

	// And the server's.
	one("server", "TestChallenge", "one challenge for all", "server/session/greet.go",
		`rand.Read(v.nonce[:])`, `if !MISTAKE {
		rand.Read(v.nonce[:])
	}`),
	one("server", "TestWaitsAreTold", "no wait before the upgrade", "server/api/problem.go",
		`w.Header().Set("Retry-After", strconv.Itoa(p.after))`, `if !MISTAKE {
		w.Header().Set("Retry-After", strconv.Itoa(p.after))
	}`),
	one("server", "TestWaitsAreTold", "nothing to be had, and no wait", "server/offer/choice.go",
		`Wait: WaitUsual}`, `Wait: map[bool]uint32{false: WaitUsual}[MISTAKE]}`),
	one("server", "TestWaitsAreTold", "trouble without a wait", "server/session/wait.go",
		`return WaitInternal`, `return map[bool]uint32{false: WaitInternal}[MISTAKE]`),
}
