package mcuboot

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Version is an image's.
type Version struct {
	Major, Minor uint8
	Revision     uint16
	Build        uint32
}

// String writes it as imgtool takes and shows it: 1.2.3+4, without a build number that is 0.
func (v Version) String() string {
	s := strconv.Itoa(int(v.Major)) + "." + strconv.Itoa(int(v.Minor)) + "." + strconv.Itoa(int(v.Revision))
	if v.Build != 0 {
		s += "+" + strconv.FormatUint(uint64(v.Build), 10)
	}
	return s
}

// Listed returns the version as image lists of boot loaders and servers write it: the build number behind
// a dot.
func (v Version) Listed() string { return strings.Replace(v.String(), "+", ".", 1) }

// ShowListed turns the version of an image list into the form of String. Another text stays as it is.
func ShowListed(s string) string {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return s
	}
	for _, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return s
		}
	}
	if parts[3] == "0" {
		return strings.Join(parts[:3], ".")
	}
	return strings.Join(parts[:3], ".") + "+" + parts[3]
}

// Hex writes a hash as that ecosystem does: all of it, lower case, without gaps.
func Hex(hash []byte) string { return hex.EncodeToString(hash) }
