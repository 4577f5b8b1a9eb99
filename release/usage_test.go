package release_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"unbrick/flash"
	"unbrick/release"
)

// A maker describes an image and signs the description with two keys; whoever has their public halves verifies it.
func ExampleSign() {
	first := ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, no 1"))
	second := ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, no 2"))
	software := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 32}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	image := make([]byte, 10000)

	m, err := release.Describe("lamp", "2.1", 21, 3, image, &software)
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := release.Sign(&m, first, second)
	if err != nil {
		fmt.Println(err)
		return
	}

	keys := []ed25519.PublicKey{first.Public().(ed25519.PublicKey), second.Public().(ed25519.PublicKey)}
	got, err := release.Verify(signed, keys, 2)
	fmt.Println(got.Model, got.Version, got.Leaves(), "leaves:", err)
	fmt.Println(got.CheckImage(image))

	_, err = release.Verify(signed, keys[:1], 2)
	fmt.Println(err)
	signed[len(signed)-1] ^= 1
	_, err = release.Verify(signed, keys, 2)
	fmt.Println(errors.Is(err, release.ErrSignature))
	// Output:
	// lamp 2.1 3 leaves: <nil>
	// <nil>
	// too few signatures: 1 of 2 by known keys
	// true
}

// A device with a security floor of 4 takes nothing below it, and of the rest what is newer than what runs.
func ExampleTarget_Accept() {
	software := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 32}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	target := release.Target{Model: "lamp", Software: &software, Floor: release.Floor{Counter: 4}}
	describe := func(version string, order, counter uint64) release.Manifest {
		m, err := release.Describe("lamp", version, order, counter, []byte(version), &software)
		if err != nil {
			panic(err)
		}
		return m
	}
	runs := describe("5", 5, 4)
	for _, m := range []release.Manifest{describe("6", 6, 4), describe("4", 4, 4), describe("7", 7, 3)} {
		fmt.Println(m.Version, target.Accept(&m, &runs))
	}
	// Output:
	// 6 <nil>
	// 4 order 4 is not newer than 5
	// 7 security counter 3 is below the floor 4
}
