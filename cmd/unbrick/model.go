package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"unbrick/flash"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
)

const modelHelp = `usage: unbrick model put ID --flash SIZE --geometry LIST --program-unit N --ram SIZE [flags]
       unbrick model list
       unbrick model prefer ID delta|bsdiff

put describes a kind of device to the server: its flash and what lives where, its RAM and the applications in it. The
server makes update files for exactly this description. Sizes are like 4KiB, 1MiB or plain bytes.

The flash holds, in this order: the boot area (--boot, never erased), two record sectors, the software area, and at
the end settings areas (--settings), which no update touches.

--geometry lists the sectors in address order: "4KiB" for even ones, "16KiB*4,64KiB,128KiB*7" for uneven ones.
--app NAME:SIZE:IMPORTANCE[:fixed] names an application in RAM, repeated from the bottom up. To make room for an
update, the least important is stopped first; a fixed one never.

list tells of the models that the server knows.

prefer says what kind of update file the server tries first for devices of the model. Without a word it is delta. With
bsdiff, devices that announce enough RAM for patch and whole new image get a classic patch, all others what
they got before; "unbrick version" says whether a build can make them.

examples:
  unbrick model put 0001 --flash 1MiB --geometry 4KiB --program-unit 8 --ram 256KiB
  unbrick model put 0002 --flash 1MiB --geometry 16KiB*4,64KiB,128KiB*7 --program-unit 4 --ram 128KiB \
      --app system:32KiB:9:fixed --app maps:40KiB:1 --settings calibration:128KiB --name "Field terminal"

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

// listFlag collects the values of a flag that may be repeated.
type listFlag []string

func (l *listFlag) String() string     { return strings.Join(*l, " ") }
func (l *listFlag) Set(s string) error { *l = append(*l, s); return nil }

// modelCommand describes a model to the server.
func modelCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := newFlags("model", modelHelp, errOut)
	server, token := serverFlags(flags)
	size := sizeFlag(flags, "flash", 0, "size of the whole flash")
	geometry := flags.String("geometry", "4KiB", "sectors in address order")
	unit := sizeFlag(flags, "program-unit", 8, "smallest programmable unit")
	page := sizeFlag(flags, "page", 256, "most bytes one program operation takes")
	erased := flags.String("erased", "ff", "byte after an erase, hexadecimal: ff or 00")
	blocks := flags.String("blocks", "", "erase sizes larger than a sector, such as 32KiB,64KiB")
	boot := sizeFlag(flags, "boot", 64<<10, "boot area at address 0, never erased")
	ram := sizeFlag(flags, "ram", 0, "size of the RAM")
	resident := sizeFlag(flags, "resident", 16<<10, "code that is copied into RAM before the first erase")
	name := flags.String("name", "", "name for people")
	isa := flags.String("isa", "", "instruction set of the images, a hint that makes smaller deltas; empty: found by itself")
	line := flags.Uint("line", model.DefaultLine, "base speed of the cable in baud")
	readout := flags.Bool("readout", false, "the software of such devices may be read out over the cable, for a backup")
	maxUpdate := sizeFlag(flags, "max-update", 0, "largest update file; 0: as RAM allows")
	record := flags.String("o", "", "write the record to this file instead of sending it")
	asJSON := flags.Bool("json", false, "print JSON, one object a line")
	var apps, hints, settings listFlag
	flags.Var(&apps, "app", "application NAME:SIZE:IMPORTANCE[:fixed], repeatable")
	flags.Var(&hints, "hint", "how a person gets the device into restoration mode, repeatable")
	flags.Var(&settings, "settings", "settings area NAME:SIZE at the end of the flash, repeatable in address order")
	words, err := parseFlags(flags, args, out)
	if err != nil {
		return err
	}
	if len(words) == 1 && words[0] == "list" {
		return listModels(ctx, *server, tokenOr(*token), *asJSON, out)
	}
	if len(words) == 3 && words[0] == "prefer" {
		return preferKind(ctx, *server, tokenOr(*token), words[1], words[2], out)
	}
	if len(words) != 2 || words[0] != "put" {
		return usageError("say: unbrick model put ID --flash SIZE --geometry LIST --program-unit N --ram SIZE, or: unbrick model list, or: unbrick model prefer ID delta|bsdiff")
	}
	if *size == 0 || *ram == 0 {
		return usageError("--flash and --ram are needed")
	}
	m := model.Model{ID: words[1], Name: *name, RAM: *ram, Resident: *resident, ISA: *isa, Line: uint32(min(*line, 1<<31)), Hints: hints, MaxUpdate: *maxUpdate, Readout: *readout}
	if m.Name == "" {
		m.Name = "Model " + m.ID
	}
	if m.Layout.Geometry, err = flash.ParseGeometry(*geometry, *size); err != nil {
		return usageError("--geometry: %v", err)
	}
	g := &m.Layout.Geometry
	g.ProgramUnit, g.Page, m.Layout.Boot = *unit, *page, *boot
	erasedByte, err := strconv.ParseUint(strings.TrimPrefix(*erased, "0x"), 16, 8)
	if err != nil {
		return usageError("--erased %q is no hexadecimal byte", *erased)
	}
	g.Erased = byte(erasedByte)
	if g.Blocks, err = parseSizes(*blocks); err != nil {
		return usageError("--blocks: %v", err)
	}
	if err := parseApps(&m, apps); err != nil {
		return err
	}
	if err := parseSettings(&m, settings); err != nil {
		return err
	}
	if err := m.Validate(); err != nil {
		return usageError("%v", err)
	}
	b := m.Append(nil)
	if *record != "" {
		if err := writeNew(*record, b, 0o644); err != nil {
			return err
		}
	} else {
		server, err := newAPI(*server, tokenOr(*token))
		if err != nil {
			return err
		}
		if _, _, err := server.do(ctx, "PUT", "/api/models/"+m.ID, nil, b, "Content-Type", "application/cbor"); err != nil {
			return err
		}
	}
	area := m.Layout.Software()
	if *asJSON {
		return printJSON(out, map[string]any{"model": m.ID, "sectors": g.Sectors(), "software": area.Size(), "workspace": m.MaxWorkspace()})
	}
	fmt.Fprintf(out, "model %s: %d sectors, %s for software, workspace up to %s\n", m.ID, g.Sectors(), flash.FormatSize(area.Size()), flash.FormatSize(m.MaxWorkspace()))
	return nil
}

// described is a model as the server tells it.
type described struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Flash     string `json:"flash"`
	Geometry  string `json:"geometry"`
	Software  uint32 `json:"software"`
	RAM       uint32 `json:"ram"`
	Workspace uint32 `json:"workspace"`
	Prefer    string `json:"prefer"`
	Keys      []struct {
		ID string `json:"id"`
	} `json:"keys"`
}

// listModels prints the models that the server knows.
func listModels(ctx context.Context, server, token string, asJSON bool, out io.Writer) error {
	client, err := newAPI(server, token)
	if err != nil {
		return err
	}
	b, _, err := client.do(ctx, "GET", "/api/models", nil, nil)
	if err != nil {
		return err
	}
	var answer struct {
		Models []described `json:"models"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return fmt.Errorf("models: the server's answer: %w", err)
	}
	for i := range answer.Models {
		m := &answer.Models[i]
		if asJSON {
			err = printJSON(out, m)
		} else {
			_, err = fmt.Fprintf(out, "model %s, %s: flash of %s, %s for software, workspace up to %s, %d keys, %s is tried first\n", m.ID, m.Name, m.Flash, flash.FormatSize(m.Software),
				flash.FormatSize(m.Workspace), len(m.Keys), m.Prefer)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// preferKind says what kind of update file is tried first for a model.
func preferKind(ctx context.Context, server, token, id, kind string, out io.Writer) error {
	if kind != protocol.KindDelta.String() && kind != protocol.KindBsdiff.String() {
		return usageError("kind %q is neither delta nor bsdiff", kind)
	}
	if err := release.CheckID(id); err != nil {
		return usageError("model: %v", err)
	}
	client, err := newAPI(server, token)
	if err != nil {
		return err
	}
	if _, err := client.post(ctx, "PUT", "/api/models/"+id+"/prefer", map[string]string{"kind": kind}); err != nil {
		return err
	}
	fmt.Fprintf(out, "model %s: %s is tried first\n", id, kind)
	return nil
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
