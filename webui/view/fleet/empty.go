package fleet

import (
	"strings"

	"unbrick/webui/words"
)

// Empty teaches how a first release is published.
type Empty struct{ Wish WishFunc }

func (c *Empty) copy(commands ...string) {
	c.Wish.Do(words.CopyText{Text: strings.Join(commands, "\n")})
}

func (c *Empty) copyAll() {
	var all []string
	for _, h := range words.Teach {
		all = append(all, h.Command)
	}
	c.copy(all...)
}
