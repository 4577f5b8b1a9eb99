package view

import (
	"strconv"
	"strings"

	"unbrick/webui/state"
)

// loader is the screen of a device whose boot loader is MCUboot, without and with an image chosen.
func (r *Root) loader(s *state.Restore) pane {
	facts := []fact{{Label: "Device", Value: "Answers as MCUboot does"}}
	for i := range s.Boot.Images {
		m := &s.Boot.Images[i]
		facts = append(facts, fact{Label: "Slot " + strconv.Itoa(int(m.Slot)), Value: m.Version, Small: flagWords(m)})
		if m.Hash != "" {
			facts = append(facts, fact{Label: "Hash", Value: m.Hash, Mono: true})
		}
	}
	if len(s.Boot.Images) == 0 {
		facts = append(facts, fact{Label: "It holds", Value: "No image that it would start"})
	}
	if s.Phase == state.RestoreLoader {
		return pane{
			Heading: "Found its boot loader.",
			Lead:    "This device is not one of ours: its own boot loader restores it, with a signed image from its maker. Nothing has been written.",
			Facts:   facts,
			Acts:    []act{primary("Choose an image from a file", r.hooks.ChooseFile), secondary("Not now", r.send(state.Home{}))},
		}
	}
	f := &s.Boot.File
	hash := fact{Label: "Hash", Value: f.Hash, Mono: true, Small: "matches its bytes"}
	if f.Encrypted {
		hash.Small = "of the decrypted image: checked by the boot loader"
	}
	signed := fact{Label: "Signed with", Value: f.Signature, Small: "its boot loader checks that, after writing"}
	facts = append(facts, fact{Label: "Will be written", Value: "Image " + f.Version, Small: f.Name, Rule: true}, hash, signed)
	if f.Key != "" {
		facts = append(facts, fact{Label: "Key", Value: f.Key, Mono: true})
	}
	if f.Counter != 0 {
		facts = append(facts, fact{Label: "Security counter", Value: group(f.Counter)})
	}
	facts = append(facts, fact{Label: "To send", Value: kb(uint64(f.Size))}, fact{Label: "Time", Value: "About " + aboutTime(f.Time)})
	return pane{
		Heading: "Found it. It can be restored.",
		Lead:    "Its boot loader takes the whole image and erases what is there first.",
		Facts:   facts,
		Acts:    []act{primary("Restore", r.send(state.Write{})), secondary("Choose another image", r.hooks.ChooseFile), secondary("Not now", r.send(state.Home{}))},
	}
}

// flagWords are the marks of an entry, as the tools of that ecosystem print them.
func flagWords(m *state.BootImage) string {
	var words []string
	for _, flag := range []struct {
		on   bool
		word string
	}{{m.Active, "active"}, {m.Confirmed, "confirmed"}, {m.Pending, "pending"}} {
		if flag.on {
			words = append(words, flag.word)
		}
	}
	return strings.Join(words, ", ")
}

// imageDone is the screen after a signed image was taken.
func (r *Root) imageDone(d *state.Result, b *state.Boot) pane {
	heading, lead := "Restored. It has image "+d.Version+".", ""
	switch d.Trial {
	case state.TrialRuns:
		lead = "The image runs on trial. Unless its program confirms itself, the next restart brings the one before back. You can unplug the device."
	case state.TrialConfirmed:
		lead = "The image ran on trial, and was told to stay. You can unplug the device."
	case state.TrialStarted:
		lead = "Its boot loader has checked the image and lists it, and its program answers. You can unplug it."
	case state.TrialNone:
		heading = "Written. Its boot loader starts image " + d.Version + "."
		lead = "Its boot loader has checked the image and lists it, and took the command to start. Most programs say nothing at this port, and nothing has answered since. Look whether the device runs."
	case state.TrialMarked:
		heading = "Written. Its boot loader tries image " + d.Version + "."
		lead = "Its boot loader took the command to start. Nothing has answered since, as with most programs. Unless its program confirms itself, the next restart brings the one before back."
	case state.TrialUnknown:
		heading = "Written. Its boot loader lists image " + d.Version + "."
		lead = "The command to start was not answered, so whether the device runs is not known. Switch it off and on."
	}
	return pane{
		Heading: heading,
		Lead:    lead,
		Facts: []fact{
			{Label: "Hash", Value: b.File.Hash, Mono: true},
			{Label: "Sent", Value: kb(uint64(d.Sent)), Small: "framing included"},
			{Label: "Took", Value: seconds(d.Took, 1) + " seconds"},
		},
		Acts: []act{primary("Restore another", r.send(state.Home{})), secondary("Save report", r.send(state.SaveReport{}))},
	}
}
