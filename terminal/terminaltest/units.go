package terminaltest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"unbrick/release"
	"unbrick/terminal"
)

// survivor checks what can be checked without a reset: that the bytes are memory, and nobody's workspace.
func survivor(t TB, r *Rig) {
	b := newBench(t, r)
	s := b.Survivor
	if len(s) < terminal.SurvivorSize {
		t.Fatalf("%d bytes survive a reset, want %d", len(s), terminal.SurvivorSize)
	}
	keep := bytes.Clone(s)
	defer copy(s, keep)
	for seed := range uint32(2) {
		pattern(s, seed)
		mem := b.secure(seed + 100)
		b.wantPattern(s, seed, "claiming all memory, and the bytes that survive a reset")
		pattern(s, seed+1)
		b.wantPattern(mem, seed+100, "the bytes that survive a reset")
		b.RAM.Release()
	}
	b.startAll()
}

func sign(t TB, r *Rig) {
	b := newBench(t, r)
	p := make([]byte, terminal.KeyBlockSize)
	b.must(b.Flash.Read(b.Layout.Boot-terminal.IdentitySize-terminal.KeyBlockSize, p), "read the key block")
	key, there, err := terminal.ParseKeyBlock(p, b.Layout.Geometry.Erased)
	b.must(err, "read the key block")
	if b.missing(there, "signatures: the device has no key") || b.missing(key.Hardware, "signatures: the key does not lie in hardware") {
		return
	}
	if b.Sign == nil {
		t.Fatalf("the key lies in hardware, and the hardware does not sign")
	}
	b.signs(&key, b.Sign)
}

// signSeed has a pair of its own, so that it is checked on a device without a key as well.
func signSeed(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.SignSeed != nil, "signatures with the seed of the key block: the device makes none") {
		return
	}
	key := terminal.NewDeviceKey((*[32]byte)(pattern(make([]byte, 32), 1)))
	b.signs(&key, func(msg []byte, sig *[ed25519.SignatureSize]byte) error { return b.SignSeed(&key, msg, sig) })
	key.Public = terminal.NewDeviceKey((*[32]byte)(pattern(make([]byte, 32), 2))).Public
	if b.SignSeed(&key, []byte("message"), new([ed25519.SignatureSize]byte)) == nil {
		t.Errorf("it signs for a public key that is not the seed's")
	}
}

// signs checks signatures by key.
func (b *bench) signs(key *terminal.DeviceKey, sign func(msg []byte, sig *[ed25519.SignatureSize]byte) error) {
	b.Helper()
	seen := map[[ed25519.SignatureSize]byte]bool{}
	for _, n := range []int{0, 1, 63, 64, 65, 1024, 3000} {
		msg := pattern(make([]byte, n), uint32(n))
		same := bytes.Clone(msg)
		var sig [ed25519.SignatureSize]byte
		b.must(sign(msg, &sig), "sign %d bytes", n)
		if !bytes.Equal(msg, same) {
			b.Errorf("signing has changed the message of %d bytes", n)
		}
		if !ed25519.Verify(key.Public[:], same, sig[:]) {
			b.Errorf("the signature of %d bytes is not by the key of the key block", n)
		}
		if seen[sig] {
			b.Errorf("two messages have the same signature")
		}
		seen[sig] = true
	}
}

func random(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.Random != nil, "random bytes: there is no source of them") {
		return
	}
	for _, n := range []int{0, 1, 3, 16, 32, 65} {
		var draws [32][]byte
		for i := range draws {
			draws[i] = bytes.Repeat([]byte{0xA5}, n)
			b.must(b.Random(draws[i]), "draw %d random bytes", n)
			for k := range i {
				if n >= 16 && bytes.Equal(draws[i], draws[k]) {
					t.Fatalf("draws %d and %d of %d bytes are the same", k, i, n)
				}
			}
		}
		for at := range n { // 32 honest draws leave one byte as it was with 256^-32
			still := true
			for _, d := range draws {
				still = still && d[at] == 0xA5
			}
			if still {
				t.Fatalf("byte %d of %d is never filled", at, n)
			}
		}
	}
}

func hashes(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.Hash != nil, "hashes: they are made in software") {
		return
	}
	one, two := b.Hash(), b.Hash() // both at once, as a terminal has them
	for _, n := range []int{0, 1, 55, 56, 63, 64, 65, 256, 4096, 70000} {
		p, q := pattern(make([]byte, n), 1), pattern(make([]byte, n), 2)
		one.Reset()
		two.Reset()
		for at := 0; at < n; at += 100 {
			end := min(n, at+100)
			one.Write(p[at:end])
			two.Write(q[at:end])
		}
		for _, c := range []struct {
			got  []byte
			data []byte
		}{{one.Sum(nil), p}, {two.Sum(nil), q}, {one.Sum(nil), p}} {
			if want := sha256.Sum256(c.data); !bytes.Equal(c.got, want[:]) {
				t.Fatalf("a hash of %d bytes is wrong", n)
			}
		}
	}
}

// signers are keys made for the checks of signature units, a stranger's last.
func signers() (secret []ed25519.PrivateKey, public []ed25519.PublicKey) {
	for i := range 4 {
		seed := sha256.Sum256([]byte{byte(i)})
		k := ed25519.NewKeyFromSeed(seed[:])
		secret, public = append(secret, k), append(public, k.Public().(ed25519.PublicKey))
	}
	return secret, public[:3]
}

// refusals are what a signature unit tells apart.
var refusals = []error{
	release.ErrManifest, release.ErrStatement, release.ErrSignature, release.ErrUnknownKey, release.ErrSigners, release.ErrRetires,
	release.ErrManySigners,
}

// wantRefusal fails unless got is refused as want is.
func (b *bench) wantRefusal(got, want error, what string) {
	b.Helper()
	if (got == nil) != (want == nil) {
		b.Errorf("%s: got %v, want %v", what, got, want)
	}
	for _, e := range refusals {
		if errors.Is(got, e) != errors.Is(want, e) {
			b.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
}

// tampered returns signed and spoilt copies of it.
func tampered(signed []byte) [][]byte {
	out := [][]byte{signed, nil, signed[:len(signed)-1], append(bytes.Clone(signed), 0)}
	for at := 0; at < len(signed); at += 7 {
		c := bytes.Clone(signed)
		c[at] ^= 0x10
		out = append(out, c)
	}
	return out
}

// otherKeys are keys to be asked for one call after another: a trust statement changes them, and one that does not hold leaves none.
func otherKeys(secret []ed25519.PrivateKey) [][]ed25519.PublicKey {
	var all []ed25519.PublicKey
	for _, k := range secret {
		all = append(all, k.Public().(ed25519.PublicKey))
	}
	return [][]ed25519.PublicKey{all[3:], all, nil, all[1:3]}
}

func verify(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.Verify != nil, "signatures of releases: they are verified in software") {
		return
	}
	secret, public := signers()
	software := b.Layout.Software()
	m, err := release.Describe("terminaltest", "1", 1, 1, pattern(make([]byte, 1000), 1), &software)
	b.must(err, "describe a release")
	for _, by := range [][]ed25519.PrivateKey{secret[:1], secret[:2], {secret[3]}, {secret[0], secret[3]}} {
		signed, err := release.Sign(&m, by...)
		b.must(err, "sign a release")
		for i, c := range tampered(signed) {
			for need := 1; need <= 3; need++ {
				got, e := b.Verify(c, public, need)
				want, f := release.Verify(c, public, need)
				b.wantRefusal(e, f, "a manifest")
				if f == nil && got != want {
					t.Errorf("form %d of a manifest: got %+v, want %+v", i, got, want)
				}
			}
		}
		for _, keys := range otherKeys(secret) {
			_, e := b.Verify(signed, keys, 1)
			_, f := release.Verify(signed, keys, 1)
			b.wantRefusal(e, f, fmt.Sprintf("a manifest, with %d other keys", len(keys)))
		}
	}
}

func verifyTrust(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.VerifyTrust != nil, "signatures of trust statements: they are verified in software") {
		return
	}
	secret, public := signers()
	s := release.Statement{
		Model: "terminaltest", Version: 1, Era: 2, Least: release.Floor{Era: 1, Counter: 3}, MaxOrder: 4, MaxCounter: 5, Threshold: 1, Until: 6,
		Retired: []release.KeyID{{7}}, Name: "terminaltest", Site: "site", Support: "support", Online: [][32]byte{{8}},
		Keys: []release.ReleaseKey{{Public: [32]byte{9}, Uses: release.Install}, {Public: [32]byte{10}, Uses: release.Run}},
	}
	for _, by := range [][]ed25519.PrivateKey{secret[:1], secret[:2], {secret[3]}} {
		signed, err := release.SignStatement(&s, by...)
		b.must(err, "sign a trust statement")
		for _, c := range tampered(signed) {
			for need := 1; need <= 3; need++ {
				got, e := b.VerifyTrust(c, public, need)
				want, f := release.VerifyStatement(c, public, need)
				b.wantRefusal(e, f, "a trust statement")
				if f == nil && !alike(&got, &want, secret[0]) {
					t.Errorf("a trust statement: got %+v, want %+v", got, want)
				}
			}
		}
		for _, keys := range otherKeys(secret) {
			_, e := b.VerifyTrust(signed, keys, 1)
			_, f := release.VerifyStatement(signed, keys, 1)
			b.wantRefusal(e, f, fmt.Sprintf("a trust statement, with %d other keys", len(keys)))
		}
	}
}

// alike reports whether two statements say the same: then they are signed alike.
func alike(a, b *release.Statement, key ed25519.PrivateKey) bool {
	x, err := release.SignStatement(a, key)
	if err != nil {
		return false
	}
	y, err := release.SignStatement(b, key)
	return err == nil && bytes.Equal(x, y)
}
