package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Tool is a program that makes patches. {old}, {new} and {patch} in its words stand for paths.
type Tool struct {
	Name  string
	Words []string
}

// Peers are the programs that deltas are compared with, each at its best setting. The goals
// of the project count the first three; they are rivals although none of their files can be
// applied in place.
func Peers() []Tool {
	return []Tool{
		{"bsdiff", []string{"bsdiff", "{old}", "{new}", "{patch}"}},
		{"xdelta3", []string{"xdelta3", "-9", "-e", "-f", "-s", "{old}", "{new}", "{patch}"}},
		{"zstd", []string{"zstd", "-22", "--ultra", "--long=27", "-q", "-f", "--patch-from={old}", "{new}", "-o", "{patch}"}},
		{"hdiffz", []string{"hdiffz", "-f", "-m-1", "-SD", "-c-lzma-9", "{old}", "{new}", "{patch}"}},
		{"detools", []string{"detools", "create_patch", "-c", "lzma", "{old}", "{new}", "{patch}"}},
	}
}

// Found returns those of tools whose program this machine has.
func Found(tools []Tool) []Tool {
	var out []Tool
	for _, t := range tools {
		if _, err := exec.LookPath(t.Words[0]); err == nil {
			out = append(out, t)
		}
	}
	return out
}

// Cost is what making one patch took.
type Cost struct {
	Bytes  int     `json:"bytes"`
	CPU    float64 `json:"cpu_s"`            // seconds of processor, user and system
	Memory int64   `json:"memory,omitempty"` // most bytes resident; 0: this system does not tell
}

// run lets the tool make the patch of a pair in the directory dir and returns what that took, the path
// of the patch, and what the tool printed.
func (t *Tool) run(ctx context.Context, p *Pair, dir string) (Cost, string, []byte, error) {
	patch := filepath.Join(dir, "patch")
	if err := os.RemoveAll(patch); err != nil {
		return Cost{}, "", nil, err
	}
	words := make([]string, len(t.Words))
	for i, w := range t.Words {
		for _, r := range [...][2]string{{"{old}", p.Old}, {"{new}", p.New}, {"{patch}", patch}} {
			w = string(bytes.ReplaceAll([]byte(w), []byte(r[0]), []byte(r[1])))
		}
		words[i] = w
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return Cost{}, "", nil, ctx.Err()
		}
		return Cost{}, "", nil, fmt.Errorf("%s: %s: %w: %.200s", p.Name, t.Name, err, errOut.String())
	}
	info, err := os.Stat(patch)
	if err != nil {
		return Cost{}, "", nil, fmt.Errorf("%s: %s: %w", p.Name, t.Name, err)
	}
	state := cmd.ProcessState
	cpu := state.UserTime() + state.SystemTime()
	return Cost{int(info.Size()), cpu.Seconds(), resident(state)}, patch, out.Bytes(), nil
}
