package firmware

import (
	"unbrick/firmware/espimage"
	"unbrick/release"
)

// Where says where in a flash the parts of a file go.
type Where struct {
	Offset uint32           // of a file that does not say it, or has a usual place
	Given  bool             // that somebody said the offset
	Table  *espimage.Table  // partition table of the device, or one that is written with it; nil: not known
	Choice *espimage.Choice // of the device: an application goes where it starts; nil: not known, or written, too
	Whole  bool             // a merged image as it is: settings and file systems become what the file has, erased bytes, too
}

// Place returns the parts of a file as they lie in the flash. It fails with a *Refusal when nobody says where, or when a file that knows
// itself is to go elsewhere.
func (f *File) Place(w Where) ([]release.Part, error) {
	parts := f.Parts
	if w.Whole && f.whole != nil {
		parts = []release.Part{*f.whole}
		if n := len(f.whole.Data); n > release.MaxImage {
			return nil, &Refusal{Reason: TooLong, Format: f.Format, Has: uint64(n), Needs: release.MaxImage}
		}
	}
	if f.Placing == Fixed {
		return parts, f.stays(w)
	}
	part := parts[0]
	offset, known := f.place(w)
	if !known {
		return nil, &Refusal{Reason: Unplaced, Format: f.Format, Part: part.Name}
	}
	part.Offset = offset
	if uint64(offset)+uint64(len(part.Data)) > 1<<32-1 {
		return nil, &Refusal{Reason: BeyondFlash, Format: f.Format, Part: part.Name, Has: uint64(offset) + uint64(len(part.Data)),
			Needs: 1<<32 - 1}
	}
	return []release.Part{part}, nil
}

// stays refuses to move a file that says where it belongs.
func (f *File) stays(w Where) error {
	first := f.Parts[0].Offset
	if f.whole != nil {
		first = f.whole.Offset
	}
	if !w.Given || w.Offset == first {
		return nil
	}
	r := &Refusal{Reason: WrongOffset, Format: f.Format, Addr: uint64(w.Offset), Needs: uint64(first)}
	if f.Format == ESPMerged {
		r.Reason = MergedMoved
	} else {
		r.Detail = "the file says itself where it belongs"
	}
	return r
}

// place is where a file of one part goes.
func (f *File) place(w Where) (offset uint32, known bool) {
	if w.Given {
		return w.Offset, true
	}
	switch {
	case f.Placing == Loose:
		return 0, false
	case f.Format == ESPApplication && w.Table != nil:
		if p := w.Table.Starts(w.Choice); p != nil {
			return p.Offset, true
		}
		return 0, false
	case f.Format == ESPOTAData:
		if w.Table == nil {
			return 0, false
		}
		if p := w.Table.OTAData(); p != nil {
			return p.Offset, true
		}
		return 0, false
	}
	return f.Parts[0].Offset, true
}
