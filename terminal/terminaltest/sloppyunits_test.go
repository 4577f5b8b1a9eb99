package terminaltest_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"hash"
	"slices"
	"time"

	"unbrick/release"
	"unbrick/terminal"
)

var unitMistakes = []mistake{
	unit("the clock wraps", "Clock", func(hw *terminal.Hardware) {
		real := hw.Clock
		hw.Clock = clockFunc(func() time.Duration { return real.Now() % (50 * time.Millisecond) })
	}),
	unit("another geometry", "Whole", func(hw *terminal.Hardware) { l := *hw.Layout; l.Geometry.Page /= 2; hw.Layout = &l }),
	unit("no cause", "Whole", func(hw *terminal.Hardware) { hw.Cause = 0 }),
	unit("few bytes survive", "Survivor", func(hw *terminal.Hardware) { hw.Survivor = hw.Survivor[:32] }),
	unit("survivors in memory that can be claimed", "Survivor", func(hw *terminal.Hardware) {
		last := len(hw.RAM.Regions()) - 1 // a free one
		mem, err := hw.RAM.Claim(hw.RAM.Regions()[last].Off, terminal.SurvivorSize)
		if err != nil {
			panic(err)
		}
		hw.RAM.Release()
		hw.Survivor = mem
	}),
	unit("longer pauses than it says", "Pauser", func(hw *terminal.Hardware) { hw.PauseMax = 100 * time.Microsecond }),
	unit("pauses without a Pauser", "Pauser", func(hw *terminal.Hardware) { hw.RAM = struct{ terminal.RAM }{hw.RAM} }),
	unit("does not sign", "Sign", func(hw *terminal.Hardware) { hw.Sign = nil }),
	unit("another key", "Sign", func(hw *terminal.Hardware) {
		hw.Sign = func(msg []byte, sig *[64]byte) error {
			copy(sig[:], ed25519.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), msg))
			return nil
		}
	}),
	unit("signs what fits into a block", "Sign", func(hw *terminal.Hardware) {
		good := hw.Sign
		hw.Sign = func(msg []byte, sig *[64]byte) error { return good(msg[:min(len(msg), 64)], sig) }
	}),
	unit("an old signature", "Sign", func(hw *terminal.Hardware) {
		good, done := hw.Sign, false
		hw.Sign = func(msg []byte, sig *[64]byte) error {
			if done {
				return nil
			}
			done = true
			return good(msg, sig)
		}
	}),
	unit("signs with any pair", "SignSeed", func(hw *terminal.Hardware) {
		hw.SignSeed = func(key *terminal.DeviceKey, msg []byte, sig *[64]byte) error {
			copy(sig[:], ed25519.Sign(slices.Concat(key.Seed[:], key.Public[:]), msg))
			return nil
		}
	}),
	unit("random bytes are constant", "Random", func(hw *terminal.Hardware) {
		hw.Random = func(p []byte) error { h := sha256.Sum256(nil); copy(p, bytes.Repeat(h[:], 3)); return nil }
	}),
	unit("random words only", "Random", func(hw *terminal.Hardware) {
		good := hw.Random
		hw.Random = func(p []byte) error { return good(p[:len(p)&^3]) }
	}),
	unit("one hash for all", "Hash", func(hw *terminal.Hardware) {
		one := sha256.New()
		hw.Hash = func() hash.Hash { return one }
	}),
	unit("a hash that ends with Sum", "Hash", func(hw *terminal.Hardware) {
		hw.Hash = func() hash.Hash { return &endingHash{sha256.New()} }
	}),
	unit("releases are believed", "Verify", func(hw *terminal.Hardware) {
		hw.Verify = func(signed []byte, _ []ed25519.PublicKey, _ int) (release.Manifest, error) {
			m, _, err := release.Parse(signed)
			return m, err
		}
	}),
	unit("one signature is enough", "Verify", func(hw *terminal.Hardware) {
		hw.Verify = func(signed []byte, keys []ed25519.PublicKey, _ int) (release.Manifest, error) {
			return release.Verify(signed, keys, 1)
		}
	}),
	unit("a part of the keys", "Verify", func(hw *terminal.Hardware) {
		hw.Verify = func(signed []byte, keys []ed25519.PublicKey, need int) (release.Manifest, error) {
			return release.Verify(signed, keys[:min(len(keys), 3)], need)
		}
	}),
	unit("the keys of the first time", "Verify", func(hw *terminal.Hardware) {
		var first []ed25519.PublicKey
		hw.Verify = func(signed []byte, keys []ed25519.PublicKey, need int) (release.Manifest, error) {
			if first == nil {
				first = keys
			}
			return release.Verify(signed, first, need)
		}
	}),
	unit("no keys are as all", "Verify", func(hw *terminal.Hardware) {
		hw.Verify = func(signed []byte, keys []ed25519.PublicKey, need int) (release.Manifest, error) {
			if len(keys) == 0 {
				m, _, err := release.Parse(signed)
				return m, err
			}
			return release.Verify(signed, keys, need)
		}
	}),
	unit("ceilings are left out", "VerifyTrust", func(hw *terminal.Hardware) {
		hw.VerifyTrust = func(signed []byte, slots []ed25519.PublicKey, need int) (release.Statement, error) {
			s, err := release.VerifyStatement(signed, slots, need)
			s.Least, s.MaxOrder, s.MaxCounter = release.Floor{}, release.MaxNumber, release.MaxNumber
			return s, err
		}
	}),
	unit("every key is for every use", "VerifyTrust", func(hw *terminal.Hardware) {
		hw.VerifyTrust = func(signed []byte, slots []ed25519.PublicKey, need int) (release.Statement, error) {
			s, err := release.VerifyStatement(signed, slots, need)
			for i := range s.Keys {
				s.Keys[i].Uses = release.Install | release.Run
			}
			return s, err
		}
	}),
	unit("statements are believed", "VerifyTrust", func(hw *terminal.Hardware) {
		hw.VerifyTrust = func(signed []byte, _ []ed25519.PublicKey, _ int) (release.Statement, error) {
			s, _, err := release.ParseStatement(signed)
			return s, err
		}
	}),
}
