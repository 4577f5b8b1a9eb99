// Package storage is what the server remembers: models, the keys a model trusts, releases, update files,
// devices with their history, and settings. It is the update software storage section (212) of the
// specification, and more.
//
// Store is one narrow contract with one conformance suite (storagetest). The embedded default is the package
// local: SQLite and a folder of content-addressed blobs. Nothing in the contract needs a local disk, so a
// database server with an object store can stand behind it.
//
// Guarantees: what a method acknowledged with a nil error survives a crash and a power failure, every method
// happens whole or not at all, and equal calls may be repeated. A full disk is ErrFull; nothing that was there
// before is lost by it.
package storage

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"time"

	"unbrick/limits"
	"unbrick/release"
)

// Errors that callers branch on. Implementations wrap them with operation and place.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflicts with what is stored") // the class of ConflictError
	ErrStale    = errors.New("changed meanwhile")             // the device was saved by someone else since it was read
	ErrFull     = errors.New("storage is full")
	ErrTooMany  = errors.New("there are as many as there may be")
	ErrDamaged  = errors.New("stored bytes do not match their digest")
	ErrCursor   = errors.New("not a cursor of this list")
	ErrLocked   = errors.New("another server uses this storage")
)

// Limits that hold for every implementation.
const (
	MaxBlob     = limits.File         // bytes of an image or an update file
	MaxAttempts = 16                  // releases remembered in Device.Attempts, newest first
	MaxRefused  = limits.KnownRefused // update files remembered in Device.Refusals, newest last
	MaxReports  = 8                   // restoration reports remembered in Device.Reports
	MaxHistory  = 500                 // events kept for one device, the oldest go first
	MaxUnproven = 50                  // of those, events that are a reporter's word and no operator's: anybody can send them
	MaxPage     = 500                 // rows that one list call returns at most
	MaxUnknown  = 100                 // counts of images of no release that Summary tells of
	MaxDetail   = 1024                // bytes of Event.Detail

	MaxFilesRemoved    = limits.FilesRemoved    // update files that go with a release in one step
	MaxForgotten       = limits.Forgotten       // devices that ForgetDevices forgets
	MaxEventsForgotten = limits.EventsForgotten // after which it takes no further device
)

// RefusedFor is how long an update file that a device found wrong is not offered to it. After that it is tried again:
// what was wrong may have been its own memory.
const RefusedFor = 24 * time.Hour

// FolderError says what is wrong with the place where the store lives, and what the operator can do.
type FolderError struct {
	Path   string
	What   string // as a part of a sentence that begins with Path
	Remedy string // for programs that talk to people
	Err    error  // may be nil
}

func (e *FolderError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s %s: %v", e.Path, e.What, e.Err)
	}
	return e.Path + " " + e.What
}

// Unwrap implements the contract of package errors.
func (e *FolderError) Unwrap() error { return e.Err }

// ConflictError says which release is in the way of another, and with what.
type ConflictError struct {
	What    string // "version", "order", both of them, or "image"
	Version string // of the release that has it
	Order   uint64
}

func (e *ConflictError) Error() string {
	if e.What == "image" {
		return fmt.Sprintf("another release has this image and a higher order: %q, order %d. The same image again needs an order above that",
			e.Version, e.Order)
	}
	return fmt.Sprintf("another release has this %s: %q, order %d", e.What, e.Version, e.Order)
}

// Unwrap implements the contract of package errors.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// Digest is a SHA-256.
type Digest = release.Digest

// Store keeps everything the server must not forget. It may be used concurrently; several servers may share
// one if the implementation says so. Slices that it returns belong to the caller. Who needs a part of it names that part.
type Store interface {
	Models
	Releases
	Blobs
	Files
	Devices
	Identities
	Strangers
	Settings
	Accounts
	Audit

	// Ping says whether the store can take and give right now: it writes durably. Callers bound how often.
	Ping(ctx context.Context) error
	Close() error
}

// Models keeps the kinds of device, and whose releases each takes.
type Models interface {
	// Models, in order of their ID. PutModel replaces all but how devices are enrolled, which is ByApproval at first.
	PutModel(ctx context.Context, m Model) error
	Model(ctx context.Context, id string) (Model, error)
	Models(ctx context.Context) ([]Model, error)
	SetEnrolment(ctx context.Context, model string, e Enrolment) error

	// Keys whose signature makes a release acceptable for a model. TrustKey of a trusted key changes nothing.
	TrustKey(ctx context.Context, model string, key ed25519.PublicKey, at time.Time) error
	Keys(ctx context.Context, model string) ([]Key, error)
	// RemoveKey takes a key back. Releases that it signed stay as they are.
	RemoveKey(ctx context.Context, model string, key release.KeyID) error
	// RemoveModel takes the model's keys, update files, strangers and settings (ModelSetting) with it. One that has releases, devices or
	// device keys is an InUseError.
	RemoveModel(ctx context.Context, id string) error
}

// Releases keeps what was published.
type Releases interface {
	// Releases, newest order first; model "" means all. AddRelease stores the image, then the row; the same release again
	// changes nothing but its signatures: those that were not there are added (release.MergeSignatures, ErrManySigners), in whatever
	// state it is, and nothing else of it changes. A different one of equal version or order is a ConflictError, and so is one of
	// an image that a release of higher order has. An image may be released again under a higher order: that supersedes its
	// releases before, whose
	// rollouts end. Where an image names a release, it is the newest of that image.
	AddRelease(ctx context.Context, r Release, image []byte) error
	Releases(ctx context.Context, model string) ([]Release, error)
	Release(ctx context.Context, model string, image Digest) (Release, error)
	SetReleaseState(ctx context.Context, model string, image Digest, state ReleaseState) error
	// ChangeRollout lets f change the rollout of a release and stores what it leaves, in one step: nobody changes it
	// meanwhile. An error of f is returned and nothing is stored.
	ChangeRollout(ctx context.Context, model string, image Digest, f func(*Rollout) error) (Rollout, error)
	// RemoveRelease removes the release that an image names, all that it superseded, their update files (to and from the image), and
	// the image; with the order of a superseded one, that alone. One in another state than Withdrawn or Superseded is a StateError. Its update
	// files go MaxFilesRemoved in a step, before all else: they are made anew if it is broken off.
	RemoveRelease(ctx context.Context, model string, image Digest, order uint64) error
}

// Blobs keeps immutable bytes, named by their SHA-256. A blob that a release or an update file names stays, and so does one that was put
// until the FinishFile that tells of it; any other goes, at the latest when the storage is opened again. Who has one open may read it to
// its end.
type Blobs interface {
	// OpenBlob has checked the whole digest (ErrDamaged).
	PutBlob(ctx context.Context, b []byte) (Digest, error)
	OpenBlob(ctx context.Context, d Digest) (Blob, error)
}

// Files keeps where each update file stands; package offer draws it. Where one server uses the storage at a time, opening it
// ends every lease: whoever held one is dead.
type Files interface {
	// FileOf returns the row of a key, ErrNotFound if nobody wanted it yet.
	FileOf(ctx context.Context, k FileKey) (File, error)
	// WantFile returns the row of a key and makes a wanted one if there is none, or if it failed and its time has come
	// (File.Due). ErrNotFound if one of the images that it names is that of no release of the model.
	WantFile(ctx context.Context, k FileKey, now time.Time) (File, error)
	// ClaimFile leases the oldest wanted row, or one whose lease ran out, to owner; ErrNotFound when there is none.
	ClaimFile(ctx context.Context, owner string, now time.Time, lease time.Duration) (File, error)
	// FinishFile writes the outcome if owner still holds the lease of the row that it claimed, otherwise ErrStale, also when that was
	// removed. FileWanted gives the lease back.
	FinishFile(ctx context.Context, owner string, f File) error
	FileByBlob(ctx context.Context, blob Digest) (File, error)
	// RefuseFile counts a device that says that it found the file wrong.
	RefuseFile(ctx context.Context, blob Digest) error
	// WithdrawFile takes the bytes of a ready file away, so that they are made anew. It counts as an attempt that failed.
	WithdrawFile(ctx context.Context, blob Digest) error
	// FailFile does so after the file failed the server's own proof, and they are not made anew before next.
	FailFile(ctx context.Context, blob Digest, why string, next time.Time) error
	// SetFile is the operator's: FileBarred keeps a file from all, FileWanted has it made anew at once, whatever it was,
	// unless a worker has it (ErrConflict).
	SetFile(ctx context.Context, id int64, state FileState) (File, error)
	// RemoveFile removes a row and its bytes, unless a worker has it (ErrConflict). Before that is done told is told of it.
	RemoveFile(ctx context.Context, id int64, told func(*File)) error
	// Files lists those of a model, "" means all, the newest first, below an ID (0 = newest).
	Files(ctx context.Context, model string, before int64, limit int) ([]File, error)
}

// Devices keeps who spoke, and what became of them.
type Devices interface {
	// Devices. SaveDevice writes the row and appends the events in one step; Revision must be the one read
	// (0 for a new device), otherwise ErrStale; it returns the new revision. Summary, Installed, Lost and CountDevices are
	// cheap however many devices there are: what they tell is counted when a device is saved. Installed counts the images
	// of releases alone, of one model or all (""). Lost is how many devices await a release (Device.Awaited) and are in
	// restoration or overdue.
	Device(ctx context.Context, model, serial string) (Device, error)
	SaveDevice(ctx context.Context, d *Device, events ...Event) error
	// DeleteDevice forgets a device with its history and its keys; ErrNotFound if there is nothing of it.
	DeleteDevice(ctx context.Context, model, serial string) error
	// ForgetDevices forgets at most MaxForgotten devices of a model with their history and keys, fewer if they have more than
	// MaxEventsForgotten events, and then as many keys of devices that never spoke. Before that is done told is told of it; what is left is
	// returned.
	ForgetDevices(ctx context.Context, model string, told func(gone Forgotten)) (left Forgotten, err error)
	Devices(ctx context.Context, q Query) (Page, error)
	Summary(ctx context.Context, cut Cutoffs) (Summary, error)
	CountDevices(ctx context.Context) (int, error)
	Installed(ctx context.Context, model string) ([]ReleaseCount, error)
	Lost(ctx context.Context, model string, image Digest, cut Cutoffs) (int, error)
	// History of a device, newest first, events with ID below before (0 = newest).
	History(ctx context.Context, model, serial string, before int64, limit int) ([]Event, error)
}

// Identities keeps the keys by which devices are known.
type Identities interface {
	// Identities of a device, the enrolled one first.
	Identities(ctx context.Context, model, serial string) ([]Identity, error)
	// Enrol makes at most MaxEnrolled keys those of their devices, all or none. One that is enrolled for its device already
	// changes nothing; one that is barred for it or enrolled for another, and a device with another key, are a KeyError, and a
	// model that is not there is ErrNotFound. No device need have spoken. Who spoke with a key that is enrolled is no stranger any more.
	// fresh is how many were not enrolled before.
	Enrol(ctx context.Context, list []Identity) (fresh int, err error)
	// Rekey makes a key that of its device, which has one (ErrNotFound), and bars the one before. One that was barred counts again.
	Rekey(ctx context.Context, v Identity) error
}

// Strangers keeps who spoke and was not proven to be the device that has the serial. It is bounded, whoever speaks how often.
type Strangers interface {
	// SeeStranger notes that one spoke: those of one model, serial and key are one, unless only some of them have shown that they hold
	// the key (Standing.Holds). It gives it First, Sessions and ID. Beyond MaxStrangers the one goes that was silent the longest; beyond
	// MaxFromAddress the one of that address.
	SeeStranger(ctx context.Context, v Stranger) error
	// Strangers lists them, who spoke last first, with an ID below before (0 = all).
	Strangers(ctx context.Context, q StrangerQuery, before int64, limit int) ([]Stranger, error)
	// CountStrangers counts them by model and standing.
	CountStrangers(ctx context.Context) ([]StrangerCount, error)
	// StrangersFailed counts those who say that a rewrite to an image failed.
	StrangersFailed(ctx context.Context, model string, image Digest) (int, error)
	// RemoveStrangers forgets those of a serial, or of a whole model (""), and says how many they were.
	RemoveStrangers(ctx context.Context, model, serial string) (int, error)
}

// Accounts keeps who has rights on the server. What would leave no account with role admin and a token that has not ended at the
// time given is ErrLastAdmin.
type Accounts interface {
	// PutAccount makes an account, or changes one, whose logins then end. At most MaxAccounts: ErrTooMany.
	PutAccount(ctx context.Context, a Account, now time.Time) error
	Account(ctx context.Context, name string) (Account, error)
	Accounts(ctx context.Context) ([]Account, error) // in order of their names
	// DeleteAccount takes its tokens and logins with it.
	DeleteAccount(ctx context.Context, name string, now time.Time) error

	// AddToken adds a token to an account, ErrNotFound if there is none. At most MaxTokens: ErrTooMany. An ID that is there is ErrConflict.
	AddToken(ctx context.Context, t Token) error
	Token(ctx context.Context, id string) (Token, error)
	Tokens(ctx context.Context, account string) ([]Token, error) // of one or all (""), the newest first
	// DeleteToken takes the logins begun with it with it.
	DeleteToken(ctx context.Context, id string, now time.Time) error
	// UseToken notes when a token was used. It is no change that the audit log tells of.
	UseToken(ctx context.Context, id string, at time.Time) error

	// AddLogin adds a login of an account, begun with a token of it or with none: ErrNotFound if there is no such account or token.
	AddLogin(ctx context.Context, l Login) error
	Login(ctx context.Context, secret Digest) (Login, error)
	// SeeLogin notes when a login was used, as UseToken does.
	SeeLogin(ctx context.Context, secret Digest, at time.Time) error
	DeleteLogin(ctx context.Context, secret Digest) error
}

// Audit keeps what accounts did. Rows are written by changes (Doing) and by Note; Prune alone takes some away.
type Audit interface {
	// Note writes a row without a change.
	Note(ctx context.Context, act Act) error
	// Rows lists rows with N below before, the newest first; before 0 is the newest, account "" all. RowsAfter lists those above after,
	// the oldest first.
	Rows(ctx context.Context, account string, before int64, limit int) ([]Row, error)
	RowsAfter(ctx context.Context, account string, after int64, limit int) ([]Row, error)
	// Prune takes the rows before n away; one row, Pruned, stands for them. ErrNotFound if there is no row n.
	Prune(ctx context.Context, n int64) error
}

// Settings are small secrets and facts of the server itself, such as the demo's key, or what is set for a model (ModelSetting).
type Settings interface {
	Setting(ctx context.Context, name string) ([]byte, error)
	PutSetting(ctx context.Context, name string, value []byte) error
}

// Blob is an open blob. Close it.
type Blob interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Model is a kind of device; Record is the model's own encoding (package model), kept as it came.
type Model struct {
	ID        string
	Record    []byte
	Updated   time.Time
	Enrolment Enrolment
}

// Key is a publisher's public key that was registered for a model.
type Key struct {
	Model  string
	ID     release.KeyID
	Public ed25519.PublicKey
	Added  time.Time
}

// ReleaseState says to whom a release is offered. The numbers are stored: append only.
type ReleaseState uint8

const (
	Offered    ReleaseState = 1 // to every device of its model that is older
	Withheld   ReleaseState = 2 // to none for now; devices that run it are right
	Withdrawn  ReleaseState = 3 // to none any more
	Superseded ReleaseState = 4 // to none: a release of higher order has the same image and stands for both
)

// Release is a published image: the manifest as read from Signed, whose bytes are the truth.
type Release struct {
	Manifest release.Manifest
	Signed   []byte
	Signers  release.Signers
	// Statement and LongNote came with it in its release file. A list of releases leaves them out.
	Statement, LongNote []byte
	State               ReleaseState
	Published           time.Time
	Rollout             Rollout
}

// FileKey names an update file by everything that decides its bytes.
type FileKey struct {
	Model   string
	From    Digest // image it starts from; zero for a full image
	To      Digest
	Shape   Digest // geometry and the other facts of the model that the creator is given
	Step    uint32 // workspace limit in bytes, 0 = none
	Creator string // version of the creator
}

// MaxBackoff is the longest that a failed file is not tried again.
const MaxBackoff = 6 * time.Hour

// Due says whether a failed file may be tried again. No wait is longer than MaxBackoff: a Next further away was written by a clock that
// has been set back since.
func (f *File) Due(now time.Time) bool { return !now.Before(f.Next) || f.Next.Sub(now) > MaxBackoff }

// FileState is where an update file stands. The numbers are stored: append only.
type FileState uint8

const (
	FileWanted FileState = 1 // waits for a worker
	FileMaking FileState = 2 // leased to a worker
	FileReady  FileState = 3 // proven; Blob is there
	FileFailed FileState = 4 // Error says why; not tried again before Next
	FileTooBig FileState = 5 // nothing fits into the step; Workspace says what would
	FileBarred FileState = 6 // an operator keeps it from all
)

// File is an update file, or the memory of why there is none.
type File struct {
	ID        int64 // given by the store, rising
	Key       FileKey
	State     FileState
	Blob      Digest
	Size      uint32 // bytes of the blob
	Workspace uint32 // bytes a terminal needs for it; for FileTooBig what the smallest would need
	Attempts  uint32 // times that making it failed, or what was made did not last
	Refusals  uint32 // devices that say that they found it wrong
	Next      time.Time
	Error     string
	Made      time.Duration // how long making took
}
