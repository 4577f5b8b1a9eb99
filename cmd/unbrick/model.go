package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"unbrick/flash"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const modelHelp = `usage: unbrick model put ID --flash SIZE --geometry LIST --program-unit N --ram SIZE [flags]
       unbrick model list
       unbrick model show ID
       unbrick model prefer ID delta|bsdiff
       unbrick model enrol ID approve|list|open
       unbrick model remove ID

put describes a kind of device to the server: its flash and what lives where, its RAM and the applications in it. The
server makes update files for exactly this description. Sizes are like 4KiB, 1MiB or plain bytes.

The flash holds, in this order: the boot area (--boot, never erased), two record sectors, the software area, and at
the end settings areas (--settings), which no update touches.

--geometry lists the sectors in address order: "4KiB" for even ones, "16KiB*4,64KiB,128KiB*7" for uneven ones.
--app NAME:SIZE:IMPORTANCE[:fixed] names an application in RAM, repeated from the bottom up. To make room for an
update, the least important is stopped first; a fixed one never.

list tells of the models that the server knows, show all that it knows of one.

prefer says what kind of update file the server tries first for devices of the model. Without a word it is delta. With
bsdiff, devices that announce enough RAM for patch and whole new image get a classic patch, all others what
they got before; "unbrick version" says whether a build can make them.

enrol says how the key that a device signs with becomes that of its serial number. approve, as it is without a word:
somebody accepts each (unbrick device approve), or a list names it (unbrick device import). list: only a list does.
open: it is the first that speaks under the serial, which is for trying things out, and where nobody else can reach
the server. put takes --enrol, too. Who is not proven is offered updates, and counts for nothing.

remove deletes a model that has no release, no device and no device key, with the keys of its publishers and what is
preferred for it. The server says what it has left: unbrick release remove and unbrick device remove take that away.

examples:
  unbrick model put 0001 --flash 1MiB --geometry 4KiB --program-unit 8 --ram 256KiB
  unbrick model put 0002 --flash 1MiB --geometry 16KiB*4,64KiB,128KiB*7 --program-unit 4 --ram 128KiB \
      --app system:32KiB:9:fixed --app maps:40KiB:1 --settings calibration:128KiB --name "Field terminal"

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

// modelFlags are the words of model put.
type modelFlags struct {
	size, unit, page, boot, ram, resident, maxUpdate   *uint32
	geometry, erased, blocks, name, isa, record, enrol string
	line                                               uint
	readout                                            bool
	apps, hints, settings                              []string
}

func (f *modelFlags) declare(set *pflag.FlagSet) {
	f.size = sizeFlag(set, "flash", 0, "size of the whole flash")
	set.StringVar(&f.geometry, "geometry", "4KiB", "sectors in address order")
	f.unit = sizeFlag(set, "program-unit", 8, "smallest programmable unit")
	f.page = sizeFlag(set, "page", 256, "most bytes one program operation takes")
	set.StringVar(&f.erased, "erased", "ff", "byte after an erase, hexadecimal: ff or 00")
	set.StringVar(&f.blocks, "blocks", "", "erase sizes larger than a sector, such as 32KiB,64KiB")
	f.boot = sizeFlag(set, "boot", 64<<10, "boot area at address 0, never erased")
	f.ram = sizeFlag(set, "ram", 0, "size of the RAM")
	f.resident = sizeFlag(set, "resident", 16<<10, "code that is copied into RAM before the first erase")
	set.StringVar(&f.name, "name", "", "name for people")
	set.StringVar(&f.isa, "isa", "", "instruction set of the images, a hint that makes smaller deltas; empty: found by itself")
	set.UintVar(&f.line, "line", model.DefaultLine, "base speed of the cable in baud")
	set.BoolVar(&f.readout, "readout", false, "the software of such devices may be read out over the cable, for a backup")
	f.maxUpdate = sizeFlag(set, "max-update", 0, "largest update file; 0: as RAM allows")
	set.StringVar(&f.enrol, "enrol", "", "how its devices are enrolled: approve, list or open; empty: as it is")
	set.StringVarP(&f.record, "output", "o", "", "write the record to this `file` instead of sending it")
	set.StringArrayVar(&f.apps, "app", nil, "application `NAME:SIZE:IMPORTANCE[:fixed]`, repeatable")
	set.StringArrayVar(&f.hints, "hint", nil, "how a person gets the device into restoration mode, repeatable `text`")
	set.StringArrayVar(&f.settings, "settings", nil, "settings area `NAME:SIZE` at the end of the flash, repeatable in address order")
}

// modelCommand describes a model to the server.
func modelCommand() *cobra.Command {
	const say = "say: unbrick model put ID --flash SIZE --geometry LIST --program-unit N --ram SIZE, or: unbrick model list, " +
		"or: unbrick model prefer ID delta|bsdiff, or: unbrick model enrol ID approve|list|open, or: unbrick model remove ID"
	f, m := &serverFlags{}, &modelFlags{}
	put := verb("put ID", "describes a kind of device to the server", "", takes(1, 1, say),
		func(ctx context.Context, words []string, p *printer) error { return m.put(ctx, f, words[0], p) })
	m.declare(put.Flags())
	completes(put, "enrol", enrolments...)
	g := group("model", "describes a kind of device to the server, lists and removes those it knows", modelHelp, say, put,
		f.verb("list", "tells of the models that the server knows", noWords, listModels),
		f.verb("show ID", "tells all that the server knows of a model", takes(1, 1, "show takes one ID"), showModel),
		f.verb("prefer ID delta|bsdiff", "says what kind of update file is tried first", takes(2, 2, say), preferKind),
		f.verb("enrol ID approve|list|open", "says how its devices are enrolled", takes(2, 2, say), enrolModel),
		f.verb("remove ID", "deletes a model that nothing is kept for", takes(1, 1, "remove takes one ID"), removeModel))
	f.operate(g.PersistentFlags())
	return g
}

// model is the model that the words describe.
func (f *modelFlags) model(id string) (*model.Model, error) {
	if *f.size == 0 || *f.ram == 0 {
		return nil, usageError("--flash and --ram are needed")
	}
	m := &model.Model{ID: id, Name: f.name, RAM: *f.ram, Resident: *f.resident, ISA: f.isa, Line: uint32(min(f.line, 1<<31)), Hints: f.hints,
		MaxUpdate: *f.maxUpdate, Readout: f.readout}
	if m.Name == "" {
		m.Name = "Model " + m.ID
	}
	var err error
	if m.Layout.Geometry, err = flash.ParseGeometry(f.geometry, *f.size); err != nil {
		return nil, usageError("--geometry: %v", err)
	}
	g := &m.Layout.Geometry
	g.ProgramUnit, g.Page, m.Layout.Boot = *f.unit, *f.page, *f.boot
	erased, err := strconv.ParseUint(strings.TrimPrefix(f.erased, "0x"), 16, 8)
	if err != nil {
		return nil, usageError("--erased %q is no hexadecimal byte", f.erased)
	}
	g.Erased = byte(erased)
	if g.Blocks, err = parseSizes(f.blocks); err != nil {
		return nil, usageError("--blocks: %v", err)
	}
	if err := parseApps(m, f.apps); err != nil {
		return nil, err
	}
	if err := parseSettings(m, f.settings); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, usageError("%v", err)
	}
	return m, nil
}

func (f *modelFlags) put(ctx context.Context, server *serverFlags, id string, p *printer) error {
	m, err := f.model(id)
	if err != nil {
		return err
	}
	if f.enrol != "" {
		if f.record != "" {
			return usageError("--enrol is told to a server, and -o asks none")
		}
		if err := checkEnrolment(f.enrol); err != nil {
			return err
		}
	}
	b := m.Append(nil)
	if f.record != "" {
		err = writeNew(f.record, b, 0o644)
	} else if a, no := server.client(); no != nil {
		return no
	} else {
		if _, _, err = send(ctx, a, form.PutModel, &form.ModelID{ID: m.ID}, b); err == nil && f.enrol != "" {
			err = enrol(ctx, a, m.ID, f.enrol)
		}
	}
	if err != nil {
		return err
	}
	sectors, area := m.Layout.Geometry.Sectors(), m.Layout.Software()
	return p.tell(map[string]any{"model": m.ID, "sectors": sectors, "software": area.Size(), "workspace": m.MaxWorkspace()},
		"model %s: %d sectors, %s for software, workspace up to %s\n", m.ID, sectors,
		flash.FormatSize(area.Size()), flash.FormatSize(m.MaxWorkspace()))
}

// enrolments are the words for how devices are enrolled.
var enrolments = []string{storage.ByApproval.String(), storage.ByList.String(), storage.ByFirst.String()}

// checkEnrolment refuses what is no word for how devices are enrolled.
func checkEnrolment(how string) error {
	if !slices.Contains(enrolments, how) {
		return usageError("devices are enrolled by approve, list or open, and not by %q", how)
	}
	return nil
}

// enrol says how devices of a model are enrolled.
func enrol(ctx context.Context, a *api, id, how string) error {
	in := form.Enrolment{ID: id}
	in.Body.Enrolment = how
	_, err := ask(ctx, a, form.SetEnrolment, &in)
	return err
}

// enrolModel says how devices of the model that words name are enrolled, and what that means.
func enrolModel(ctx context.Context, a *api, words []string, p *printer) error {
	if err := release.CheckID(words[0]); err != nil {
		return usageError("model: %v", err)
	}
	if err := checkEnrolment(words[1]); err != nil {
		return err
	}
	if err := enrol(ctx, a, words[0], words[1]); err != nil {
		return err
	}
	return p.tell(map[string]any{"model": words[0], "enrolment": words[1]}, "devices of model %s are enrolled: %s\n", words[0], words[1])
}

// listModels prints the models that the server knows.
func listModels(ctx context.Context, a *api, _ []string, p *printer) error {
	return list(p, pages(ctx, a, form.ListModels, &form.ModelQuery{}), "no model is described yet",
		"MODEL\tNAME\tFLASH\tSOFTWARE\tWORKSPACE\tKEYS\tTRIED FIRST\tENROLMENT", func(m *form.Model) string {
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s", m.ID, m.Name, m.Flash, flash.FormatSize(m.Software),
				flash.FormatSize(m.Workspace), len(m.Keys), m.Prefer, m.Enrolment)
		})
}

// showModel prints all that the server knows of a model.
func showModel(ctx context.Context, a *api, words []string, p *printer) error {
	if err := release.CheckID(words[0]); err != nil {
		return usageError("model: %v", err)
	}
	d, err := ask(ctx, a, form.GetModel, &form.ModelID{ID: words[0]})
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(p, d)
	}
	m, err := model.Decode(d.Record)
	if err != nil {
		return fmt.Errorf("model %s: the server's answer: %w", words[0], err)
	}
	return printModel(p, d, &m)
}

// printModel prints a model for people.
func printModel(out io.Writer, d *form.Model, m *model.Model) error {
	g, of := &m.Layout.Geometry, flash.FormatSize
	var settings, apps, keys []string
	for _, s := range m.Layout.Settings {
		settings = append(settings, s.Name+" "+of(s.Size))
	}
	for _, a := range m.Apps {
		text := fmt.Sprintf("%s %s, importance %d", a.Name, of(a.Size), a.Importance)
		if a.Fixed {
			text += ", never stopped"
		}
		apps = append(apps, text)
	}
	for _, k := range d.Keys {
		keys = append(keys, k.ID)
	}
	readout := ""
	if m.Readout {
		readout = "allowed, for a backup over the cable"
	}
	return facts(out, "Model", m.ID, "Name", m.Name,
		"Flash", fmt.Sprintf("%s in sectors of %s, program unit %d, page %d, erased byte %02x", of(g.Size()), g, g.ProgramUnit, g.Page, g.Erased),
		"Boot area", of(m.Layout.Boot), "Software", of(d.Software), "Settings", strings.Join(settings, "; "),
		"RAM", fmt.Sprintf("%s, %s resident, workspace up to %s", of(m.RAM), of(m.Resident), of(d.Workspace)),
		"Applications", strings.Join(apps, "; "),
		"Cable", fmt.Sprintf("%d baud", m.Line), "Read-out", readout, "By hand", strings.Join(m.Hints, "; "), "Images", m.ISA,
		"Tried first", d.Prefer, "Enrolment", d.Enrolment, "Trusts keys", strings.Join(keys, ", "))
}

// preferKind says what kind of update file is tried first for a model.
func preferKind(ctx context.Context, a *api, words []string, p *printer) error {
	id, kind := words[0], words[1]
	if kind != protocol.KindDelta.String() && kind != protocol.KindBsdiff.String() {
		return usageError("kind %q is neither delta nor bsdiff", kind)
	}
	if err := release.CheckID(id); err != nil {
		return usageError("model: %v", err)
	}
	in := form.Prefer{ID: id}
	in.Body.Kind = kind
	if _, err := ask(ctx, a, form.PreferKind, &in); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p, "model %s: %s is tried first\n", id, kind)
	return err
}

func removeModel(ctx context.Context, a *api, words []string, p *printer) error {
	if err := release.CheckID(words[0]); err != nil {
		return usageError("model: %v", err)
	}
	if _, err := ask(ctx, a, form.RemoveModel, &form.ModelID{ID: words[0]}); err != nil {
		return err
	}
	return p.tell(map[string]string{"removed": words[0]}, "model %s is removed\n", words[0])
}

func parseSizes(list string) (sizes []uint32, err error) {
	for _, s := range strings.Split(list, ",") {
		if s == "" {
			continue
		}
		n, err := flash.ParseSize(s)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

func parseApps(m *model.Model, apps []string) error {
	for _, s := range apps {
		part := strings.Split(s, ":")
		if len(part) != 3 && (len(part) != 4 || part[3] != "fixed") {
			return usageError("--app %q is not NAME:SIZE:IMPORTANCE or NAME:SIZE:IMPORTANCE:fixed", s)
		}
		n, err := flash.ParseSize(part[1])
		if err != nil {
			return usageError("--app %q: %v", s, err)
		}
		importance, err := strconv.ParseUint(part[2], 10, 8)
		if err != nil {
			return usageError("--app %q: importance is 0 to %d", s, model.MaxImportance)
		}
		m.Apps = append(m.Apps, model.App{Name: part[0], Size: n, Importance: uint8(importance), Fixed: len(part) == 4})
	}
	return nil
}

// parseSettings lays the settings areas out so that the last one ends with the flash.
func parseSettings(m *model.Model, settings []string) error {
	end := m.Layout.Geometry.Size()
	areas := make([]flash.Area, len(settings))
	for i := len(settings) - 1; i >= 0; i-- {
		name, text, ok := strings.Cut(settings[i], ":")
		if !ok {
			return usageError("--settings %q is not NAME:SIZE", settings[i])
		}
		n, err := flash.ParseSize(text)
		if err != nil || n > end {
			return usageError("--settings %q does not fit", settings[i])
		}
		end -= n
		areas[i] = flash.Area{Name: name, Addr: end, Size: n}
	}
	if len(areas) > 0 {
		m.Layout.Settings = areas
	}
	return nil
}
