package protocol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/cbor"
	"unbrick/internal/vectors"
	"unbrick/limits"
)

// vector returns the bytes of a file of testdata: a text header, an empty line, and the message in hexadecimal. With -update
// it writes header and got there before.
func vector(t *testing.T, name, header string, got []byte) []byte {
	t.Helper()
	text := header + "\nencoding: hexadecimal\n\n" + vectors.Wrap(got)
	return unhex(t, vectors.Keep(t, filepath.Join("testdata", name+".txt"), text))
}

func unhex(t *testing.T, s string) []byte { t.Helper(); return vectors.Unhex(t, s) }

// with returns an example with its n-th item, the code being item 0, replaced by the hexadecimal one.
func with(t *testing.T, example string, n int, item string) []byte {
	t.Helper()
	b, err := examples()[example].Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := cbor.NewReader(b)
	r.Array()
	for range n {
		r.Item()
	}
	at := r.Offset()
	r.Item()
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return append(append(bytes.Clone(b[:at]), unhex(t, item)...), b[r.Offset():]...)
}

// Items of a hello.
const (
	itemModel, itemSerial, itemRelease, itemEra, itemOrder, itemDigest, itemFloorEra, itemFloor = 1, 2, 3, 4, 5, 6, 7, 8
	itemKeys, itemThreshold, itemReads, itemStages, itemConnected, itemReport, itemRefused      = 9, 10, 12, 16, 17, 19, 20
	itemStatement, itemWorkspace, itemKinds, itemStaging, itemConfirmed, itemSequence           = 11, 13, 14, 15, 18, 21
	itemDevice, itemFresh, itemSignature                                                        = 22, 23, 24
)

// refusal is a message that no decoder takes.
type refusal struct {
	name, why string
	class     error // ErrLimit, ErrCode, or ErrMalformed for any other reason
	msg       []byte
}

func refusals(t *testing.T) []refusal {
	text := func(n int) string { return "78" + hex.EncodeToString([]byte{byte(n)}) + strings.Repeat("78", n) }
	bytesOf := func(n int) string {
		return "59" + hex.EncodeToString([]byte{byte(n >> 8), byte(n)}) + strings.Repeat("00", n)
	}
	short := func(n int) string { return "58" + hex.EncodeToString([]byte{byte(n)}) + strings.Repeat("00", n) }
	large := "1b0020000000000000" // 2^53
	manifest := hex.EncodeToString([]byte{0x59, byte((limits.Manifest + 1) >> 8), byte((limits.Manifest + 1) & 0xff)}) + strings.Repeat("00", limits.Manifest+1)
	hello := func(name, why string, class error, item int, value string) refusal {
		return refusal{"hello-" + name, why, class, with(t, "hello", item, value)}
	}
	key := func(name, why string, class error, item int, value string) refusal {
		return refusal{"hello-" + name, why, class, with(t, "hello-most", item, value)}
	}
	raw := func(name, why string, class error, msg string) refusal {
		return refusal{name, why, class, unhex(t, msg)}
	}
	part := func(name, why string, class error, example string, item int, value string) refusal {
		return refusal{name, why, class, with(t, example, item, value)}
	}
	return []refusal{
		raw("empty", "no message", ErrMalformed, ""),
		raw("no-array", "a number is no message", ErrMalformed, "0c"),
		raw("no-code", "an array without a code", ErrMalformed, "80"),
		raw("code-0", "no message has code 0", ErrCode, "8100"),
		raw("code-17", "no message has code 17", ErrCode, "8111"),
		raw("code-long-form", "the code is not in its shortest form", ErrMalformed, "81180c"),
		raw("indefinite", "an array of indefinite length", ErrMalformed, "9f0cff"),
		raw("bye-with-a-field", "bye has no fields", ErrMalformed, "820c00"),
		raw("bye-and-more", "a byte behind the array", ErrMalformed, "810c00"),
		raw("ping-without-number", "ping has a number", ErrMalformed, "810a"),
		raw("ping-long-form", "the number is not in its shortest form", ErrMalformed, "820a1801"),
		raw("ping-large", "the number has 32 bits", ErrMalformed, "820a1b0000000100000000"),
		raw("credit-of-nothing", "a credit of 0 bytes", ErrLimit, "820500"),
		raw("credit-much", "a credit of more than 1,048,576 bytes", ErrLimit, "82051a00100001"),
		raw("challenge-short", "a nonce of 31 bytes", ErrMalformed, "820d"+short(31)),
		raw("challenge-number", "a nonce is a byte string", ErrMalformed, "820d00"),
		raw("news-long-wait", "a wait of more than a week", ErrLimit, "830e"+short(32)+"1a00093a81"),
		raw("news-without-wait", "news says within which time to come", ErrMalformed, "820e"+short(32)),
		raw("trust-empty", "a statement of 0 bytes", ErrLimit, "820f40"),
		raw("trust-long", "a statement of 961 bytes", ErrMalformed, "820f"+bytesOf(961)),
		raw("fresh-empty", "a statement of 0 bytes", ErrLimit, "821040"),
		raw("fresh-long", "a statement of 257 bytes", ErrMalformed, "8210"+bytesOf(257)),
		raw("hello-of-unbrick-1", "the hello of the version before, which began with a number", ErrMalformed,
			"8e0101643030303164532d313765322e332e300758200101010101010101010101010101010101010101010101010101010101010101030080"+"1a0003000006f5f680"),
		hello("model-empty", "a model without a name", ErrLimit, itemModel, "60"),
		hello("model-space", "a space is no part of an identifier", ErrLimit, itemModel, "63302031"),
		hello("model-bytes", "a model is a text", ErrMalformed, itemModel, "4430303031"),
		hello("serial-long", "a serial of 33 bytes", ErrMalformed, itemSerial, text(33)),
		hello("serial-dots", "dots alone are no identifier", ErrLimit, itemSerial, "622e2e"),
		hello("serial-control", "a control character", ErrLimit, itemSerial, "63610a62"),
		hello("serial-wide", "a letter that is not ASCII", ErrLimit, itemSerial, "62c3a4"),
		hello("release-turns", "a character that turns the text around", ErrLimit, itemRelease, "6431e280ae"),
		hello("release-not-utf8", "text that is not UTF-8", ErrMalformed, itemRelease, "61ff"),
		hello("era-large", "an era of 17 bits", ErrMalformed, itemEra, "1a00010000"),
		hello("order-large", "an order of 2^53", ErrLimit, itemOrder, large),
		hello("order-negative", "an order below 0", ErrMalformed, itemOrder, "20"),
		hello("digest-short", "a digest of 31 bytes", ErrMalformed, itemDigest, short(31)),
		hello("floor-era-large", "an era of 17 bits", ErrMalformed, itemFloorEra, "1a00010000"),
		hello("floor-large", "a counter of 2^53", ErrLimit, itemFloor, large),
		hello("keys-many", "9 keys", ErrLimit, itemKeys, "89"+strings.Repeat("480000000000000000", 9)),
		hello("key-short", "a key of 7 bytes", ErrMalformed, itemKeys, "814700000000000000"),
		hello("threshold-0", "a release that nobody signs", ErrLimit, itemThreshold, "00"),
		hello("threshold-9", "a threshold above the most keys", ErrLimit, itemThreshold, "09"),
		hello("reads-large", "a set of 17 bits", ErrMalformed, itemReads, "1a00010000"),
		hello("stages-large", "a set of 9 bits", ErrMalformed, itemStages, "190100"),
		hello("connected-number", "connected is a boolean", ErrMalformed, itemConnected, "01"),
		hello("report-empty", "a report without a verdict", ErrLimit, itemReport, "885820"+strings.Repeat("00", 32)+"5820"+strings.Repeat("00", 32)+"000000000080"),
		hello("report-short", "a report of 7 fields", ErrMalformed, itemReport, "875820"+strings.Repeat("00", 32)+"5820"+strings.Repeat("00", 32)+"0100000000"),
		hello("dead-many", "17 dead sectors", ErrLimit, itemReport, "885820"+strings.Repeat("00", 32)+"5820"+strings.Repeat("00", 32)+"0100000000"+"91"+strings.Repeat("00", 17)),
		hello("statement-large", "a version of 33 bits", ErrMalformed, itemStatement, "1b0000000100000000"),
		hello("workspace-large", "a workspace of 2^32 bytes", ErrMalformed, itemWorkspace, "1b0000000100000000"),
		hello("kinds-large", "a set of 33 bits", ErrMalformed, itemKinds, "1b0000000100000000"),
		hello("staging-large", "a staging area of 2^32 bytes", ErrMalformed, itemStaging, "1b0000000100000000"),
		hello("confirmed-number", "confirmed is a boolean", ErrMalformed, itemConfirmed, "00"),
		hello("report-number", "a report is an array or null", ErrMalformed, itemReport, "00"),
		hello("report-undefined", "null is the only way to say that there is none", ErrMalformed, itemReport, "f7"),
		hello("sequence-large", "a sequence of 33 bits", ErrMalformed, itemSequence, "1b0000000100000000"),
		hello("refused-short", "a digest of 31 bytes", ErrMalformed, itemRefused, "81"+short(31)),
		hello("refused-many", "9 refused files", ErrLimit, itemRefused, "89"+strings.Repeat(short(32), 9)),
		hello("signature-without-key", "a signature, and no key that made it", ErrMalformed, itemSignature, short(64)),
		hello("key-without-signature", "a device key, and no signature", ErrMalformed, itemDevice, short(32)),
		key("device-short", "a device key of 31 bytes", ErrMalformed, itemDevice, short(31)),
		key("signature-short", "a signature of 63 bytes", ErrMalformed, itemSignature, short(63)),
		key("signature-long", "a signature of 65 bytes", ErrMalformed, itemSignature, short(65)),
		key("fresh-short", "a nonce of 15 bytes", ErrMalformed, itemFresh, "4f"+strings.Repeat("00", 15)),
		part("info-none-offered", "nothing is offered, and no reason is said", ErrMalformed, "info-nothing", 2, "00"),
		part("info-none-with-size", "nothing is offered, and it has a size", ErrMalformed, "info-nothing", 3, "01"),
		part("info-none-with-steps", "nothing is offered, and steps lead there", ErrMalformed, "info-nothing", 7, "01"),
		part("info-long-wait", "a wait of more than a week", ErrLimit, "info-nothing", 8, "1a00093a81"),
		part("gone-long-wait", "a wait of more than a week", ErrLimit, "gone", 8, "1a00093a81"),
		part("info-no-manifest", "an offer without a manifest", ErrMalformed, "info-delta", 9, "40"),
		part("info-with-reason", "an offer with a reason why there is none", ErrMalformed, "info-delta", 2, "05"),
		part("info-large", "an update file of more than 67,108,864 bytes", ErrLimit, "info-delta", 3, "1a04000001"),
		part("info-many-steps", "3 steps", ErrMalformed, "info-delta", 7, "03"),
		part("info-large-manifest", "a manifest that is too long", ErrMalformed, "info-delta", 9, manifest),
		part("info-kind-large", "a kind of 9 bits", ErrMalformed, "info-delta", 1, "190100"),
		part("info-reason-large", "a reason of 9 bits", ErrMalformed, "info-nothing", 2, "190100"),
		part("end-large", "a file of more than 67,108,864 bytes", ErrLimit, "end", 1, "1a04000001"),
		part("data-text", "what is in a file is no text", ErrMalformed, "data", 2, "6161"),
		part("request-much-credit", "a credit of more than 1,048,576 bytes", ErrLimit, "request", 3, "1a00100001"),
		part("request-far", "an offset beyond 67,108,864 bytes", ErrLimit, "request", 2, "1a04000001"),
		part("data-empty", "data without bytes", ErrLimit, "data", 2, "40"),
		part("data-far", "bytes beyond 67,108,864", ErrLimit, "data", 1, "1a04000000"),
		part("end-of-nothing", "a file of 0 bytes", ErrLimit, "end", 1, "00"),
		part("done-short", "a digest of 31 bytes", ErrMalformed, "done", 1, short(31)),
		part("error-without-fault", "fault 0", ErrLimit, "error", 1, "00"),
		part("error-long-text", "a text of 201 bytes", ErrLimit, "error", 2, text(201)),
		part("error-not-utf8", "text that is not UTF-8", ErrMalformed, "error", 2, "61ff"),
		part("error-control", "a control character", ErrLimit, "error", 2, "65611b5b324a"),
		part("error-unseen", "a character that nobody sees", ErrLimit, "error", 2, "6561e2808b62"),
		part("error-long-wait", "a wait of more than a week", ErrLimit, "error", 3, "1a00093a81"),
		part("error-busy-without-wait", "a server that is busy says for how long", ErrMalformed, "error-busy", 3, "00"),
		part("error-shutdown-without-wait", "a server that stops says for how long", ErrMalformed, "error", 1, "06"),
		raw("error-of-unbrick-1", "the error of the version before, without a wait", ErrMalformed, "83090460"),
	}
}

// TestRefused: what is refused is in testdata as well, each with its reason, and nothing in Append makes it.
func TestRefused(t *testing.T) {
	all := refusals(t)
	for _, v := range all {
		class := map[error]string{ErrLimit: "limit", ErrCode: "code", ErrMalformed: "form"}[v.class]
		msg := vector(t, filepath.Join("refused", v.name), "refused: "+class+"\nwhy: "+v.why, v.msg)
		if !bytes.Equal(msg, v.msg) {
			t.Errorf("%s: the file has %x, want %x", v.name, msg, v.msg)
		}
		_, err := Decode(msg)
		if !errors.Is(err, ErrMalformed) || errors.Is(err, ErrLimit) != (v.class == ErrLimit) || errors.Is(err, ErrCode) != (v.class == ErrCode) {
			t.Errorf("%s: %v, want a refusal of class %s", v.name, err, class)
		}
	}
	files, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil || len(files) != len(all) {
		t.Errorf("%d files of refusals, want %d, %v", len(files), len(all), err)
	}
	if _, err := Decode(make([]byte, MaxMessage+1)); !errors.Is(err, ErrLimit) {
		t.Errorf("too long: got %v", err)
	}
}

// TestAppendRefuses: what no decoder takes is not made either.
func TestAppendRefuses(t *testing.T) {
	hello := func(change func(h *Hello)) Message {
		h := *examples()["hello"].(*Hello)
		change(&h)
		return &h
	}
	for name, m := range map[string]Message{
		"model":             hello(func(h *Hello) { h.Model = "" }),
		"serial":            hello(func(h *Hello) { h.Serial = strings.Repeat("x", MaxText+1) }),
		"release":           hello(func(h *Hello) { h.Release = "1\u202e" }),
		"order":             hello(func(h *Hello) { h.Order = MaxNumber + 1 }),
		"floor":             hello(func(h *Hello) { h.Floor.Counter = MaxNumber + 1 }),
		"many keys":         hello(func(h *Hello) { h.Keys = make([]KeyID, MaxKeys+1) }),
		"no threshold":      hello(func(h *Hello) { h.Threshold = 0 }),
		"many refused":      hello(func(h *Hello) { h.Refused = make([]Digest, MaxRefused+1) }),
		"empty report":      hello(func(h *Hello) { h.Report = &Report{} }),
		"many dead":         hello(func(h *Hello) { h.Report = &Report{Verdict: 1, Dead: make([]uint32, MaxDead+1)} }),
		"device":            hello(func(h *Hello) { h.Device, h.Signature = make([]byte, 31), make([]byte, 64) }),
		"fresh":             hello(func(h *Hello) { h.Fresh = make([]byte, 8) }),
		"key alone":         hello(func(h *Hello) { h.Device = make([]byte, 32) }),
		"signature alone":   hello(func(h *Hello) { h.Signature = make([]byte, 64) }),
		"none, offered":     &Info{},
		"none with size":    &Info{Reason: ReasonHeld, Size: 1},
		"no manifest":       &Info{Kind: KindDelta, Size: 1, Steps: 1},
		"large manifest":    &Info{Kind: KindDelta, Size: 1, Steps: 1, Manifest: make([]byte, limits.Manifest+1)},
		"info waits":        &Info{Reason: ReasonHeld, Wait: MaxWait + 1},
		"gone waits":        &Gone{Info{Reason: ReasonHeld, Wait: MaxWait + 1}},
		"request":           &Request{Credit: MaxCredit + 1},
		"data empty":        &Data{},
		"data long":         &Data{Bytes: make([]byte, MaxData+1)},
		"data far":          &Data{Offset: MaxFile, Bytes: []byte{1}},
		"credit nothing":    &Credit{},
		"credit much":       &Credit{Bytes: MaxCredit + 1},
		"end":               &End{},
		"no fault":          &Error{},
		"long text":         &Error{Fault: 1, Text: make([]byte, MaxReason+1)},
		"text":              &Error{Fault: 1, Text: []byte{0xff}},
		"error waits":       &Error{Fault: 1, Wait: MaxWait + 1},
		"busy for ever":     &Error{Fault: FaultBusy},
		"shutdown for ever": &Error{Fault: FaultShutdown},
		"news waits":        &News{Wait: MaxWait + 1},
		"trust empty":       &Trust{},
		"trust long":        &Trust{Statement: make([]byte, limits.Statement+1)},
		"fresh empty":       &Fresh{},
		"fresh long":        &Fresh{Signed: make([]byte, limits.Fresh+1)},
	} {
		if b, err := m.Append(nil); err == nil {
			t.Errorf("%s: encoded as %x", name, b)
		}
	}
}
