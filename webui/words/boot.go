package words

import (
	"strconv"
	"strings"

	"unbrick/webui/state"
)

// loader is the screen of a device whose boot loader is MCUboot, without an image chosen.
func loader(s *state.RestoreLoader) Pane {
	return Pane{
		Heading: "Found its boot loader.",
		Lead:    "This device is not one of ours: its own boot loader restores it, with a signed image from its maker. Nothing has been written.",
		Facts:   listed(s.Images),
		Acts:    []Act{Primary("Choose an image from a file", ChooseFile{}), Secondary("Not now", state.Home{})},
	}
}

// listed is what a boot loader lists.
func listed(images []state.BootImage) []Fact {
	facts := []Fact{{Label: "Device", Value: "Answers as MCUboot does"}}
	for i := range images {
		m := &images[i]
		facts = append(facts, Fact{Label: "Slot " + strconv.Itoa(int(m.Slot)), Value: m.Version, Small: flagWords(m)})
		if m.Hash != "" {
			facts = append(facts, Fact{Label: "Hash", Value: m.Hash, Mono: true})
		}
	}
	if len(images) == 0 {
		facts = append(facts, Fact{Label: "It holds", Value: "No image that it would start"})
	}
	return facts
}

// image is the screen of such a device with an image chosen.
func image(s *state.RestoreImage) Pane {
	f := &s.File
	hash := Fact{Label: "Hash", Value: f.Hash, Mono: true, Small: "matches its bytes"}
	if f.Encrypted {
		hash.Small = "of the decrypted image: checked by the boot loader"
	}
	facts := append(listed(s.Images), Fact{Label: "Will be written", Value: "Image " + f.Version, Small: f.Name, Rule: true}, hash,
		Fact{Label: "Signed with", Value: f.Signature, Small: "its boot loader checks that, after writing"})
	if f.Key != "" {
		facts = append(facts, Fact{Label: "Key", Value: f.Key, Mono: true})
	}
	if f.Counter != 0 {
		facts = append(facts, Fact{Label: "Security counter", Value: Group(f.Counter)})
	}
	return Pane{
		Heading: "Found it. It can be restored.",
		Lead:    "Its boot loader takes the whole image and erases what is there first.",
		Facts:   append(facts, Fact{Label: "To send", Value: KB(uint64(f.Size))}, Fact{Label: "Time", Value: "About " + aboutTime(f.Time)}),
		Acts: []Act{Primary("Restore", state.Write{}), Secondary("Choose another image", ChooseFile{}),
			Secondary("Not now", state.Home{})},
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

// trials say what is known of an image that was taken.
var trials = [...]Promise{
	state.TrialRuns: {"Restored. It has $image.", "The image runs on trial. Unless its program confirms itself, the next restart brings " +
		"the one before back. You can unplug the device."},
	state.TrialConfirmed: {"Restored. It has $image.", "The image ran on trial, and was told to stay. You can unplug the device."},
	state.TrialStarted: {"Restored. It has $image.", "Its boot loader has checked the image and lists it, and its program answers. You can " +
		"unplug it."},
	state.TrialNone: {"Written. Its boot loader starts $image.", "Its boot loader has checked the image and lists it, and took the command " +
		"to start. Most programs say nothing at this port, and nothing has answered since. Look whether the device runs."},
	state.TrialMarked: {"Written. Its boot loader tries $image.", "Its boot loader took the command to start. Nothing has answered since, " +
		"as with most programs. Unless its program confirms itself, the next restart brings the one before back."},
	state.TrialUnknown: {"Written. Its boot loader lists $image.", "The command to start was not answered, so whether the device runs is " +
		"not known. Switch it off and on."},
}

// installed is the screen after a signed image was taken.
func installed(s *state.RestoreInstalled) Pane {
	d := &s.Result
	end := at(trials[:], d.Trial)
	return Pane{
		Heading: strings.ReplaceAll(end.Head, "$image", "image "+d.Version),
		Lead:    end.Text,
		Facts: []Fact{
			{Label: "Hash", Value: s.File.Hash, Mono: true},
			{Label: "Sent", Value: KB(uint64(d.Sent)), Small: "framing included"},
			{Label: "Took", Value: Seconds(d.Took, 1) + " seconds"},
		},
		Acts: []Act{Primary("Restore another", state.Home{}), Secondary("Save report", state.SaveReport{})},
	}
}
