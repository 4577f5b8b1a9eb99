package account

import (
	"slices"

	"unbrick/server/form"
	"unbrick/server/storage"
)

// grants says which roles give a right.
var grants = map[form.Right]storage.Roles{
	form.MayAdminister: storage.Admin,
	form.MaySignIn:     storage.View | storage.Operate | storage.Publish | storage.Admin,
	form.MaySee:        storage.View | storage.Operate,
	form.MaySeeFiles:   storage.View | storage.Operate | storage.Publish,
	form.MayHandle:     storage.Operate,
	form.MayPublish:    storage.Publish,
	form.MayHalt:       storage.Operate | storage.Publish,
}

// Grants are the roles that give a right, any of them.
func Grants(right form.Right) storage.Roles { return grants[right] }

// Who is who asks. The zero value is a stranger.
type Who struct {
	storage.Account
	Token string         // ID of the one that it is known by, also where a login stands for it
	Login storage.Digest // the page's; zero: it came with the token itself
}

// Known reports whether it is anybody.
func (w *Who) Known() bool { return w.Name != "" }

// May reports whether w has a right.
func (w *Who) May(right form.Right) bool { return right == form.Anyone || w.Roles&grants[right] != 0 }

// On reports whether w may see and change what belongs to a model.
func (w *Who) On(model string) bool { return len(w.Models) == 0 || slices.Contains(w.Models, model) }
