// Package limits is the one table of what the system takes: flash, model, release, update files, link, cable and storage
// name their limits from here, so that what one of them lets in no other refuses. docs/limits.md is the same table for
// people.
//
// The set is closed from the front to the back: every model that is taken can be built, emulated and updated; every image
// that can be published for it can be made into an update file for any of its devices with enough workspace, travels on link
// and cable, and is stored. The constants below keep to that order, and where one follows from another it is written so.
//
// The package is fit for a device: it is constants.
package limits

// Flash: what a part may be, and what may lie in it.
const (
	PartSize     = 256 << 20 // bytes of one part, so that addresses, lengths and their sums fit an int of 32 bits
	PartSectors  = 1 << 16   // sectors of one part: records name them by 16 bits
	Runs         = 32        // runs of equal sectors
	EraseBlocks  = 4         // erase sizes larger than a sector
	ProgramUnit  = 32        // bytes of a program unit
	Page         = 512       // bytes of one program operation
	Identity     = 256       // bytes of the identification, at the end of the boot area
	KeyBlock     = 96        // bytes of the key block, directly below it: both are the least of a boot area
	RecordSector = 4 << 10   // bytes that a record sector has at least: record, manifests and marks
	Doubtful     = 128       // doubtful sectors that a record names one by one; more are all
	RecordDead   = 8         // sectors that take no data, in a record
	Entries      = 256       // entries behind a record
	Survivor     = 64        // bytes of RAM that a device keeps over a reset
	Settings     = 8         // settings areas
	AreaName     = 32        // bytes of the name of one
)

// The software area, a part of the flash that update files rewrite.
const (
	Sectors    = 4096  // sectors of a software area
	SectorSize = Image // bytes of one of its sectors, which is built as a whole
	Leaf       = 4096  // bytes of a leaf of the hash tree, at most
	SmallLeaf  = 256   // and at least: every sector is whole leaves of this size
)

// Release: what can be signed.
const (
	Image    = 1<<24 - 1 // bytes of an image: an update file's addresses have 24 bits
	Manifest = 832       // bytes of a signed manifest
	Text     = 32        // bytes of model, version and serial
	Note     = 160       // bytes of a release's note
	LongNote = 16 << 10  // bytes of its long note
	Family   = 16        // bytes of the name of a family, and of a chip
	Parts    = 16        // parts of a parts file
	KeyFile  = 4096      // bytes of a key file

	// MaxNumber is the most that order and counter may be: every reader of JSON tells such numbers apart.
	MaxNumber = 1<<53 - 1
)

// Firmware files: what is read of those that other tools make (package firmware).
const (
	Firmware      = 48 << 20 // bytes of a firmware file: the largest image as text takes nearly three for each of its bytes
	SlotImage     = 32 << 20 // bytes of a signed image of MCUboot
	Pieces        = 4096     // pieces of a firmware file that lie apart
	PieceGap      = 256      // bytes between two pieces that are filled, so that they are one
	ELFHeaders    = 256      // program headers, and section headers, of an ELF file
	DFUTargets    = 8        // targets of a DfuSe file
	ESPSegments   = 16       // segments of an image for an ESP
	ESPPartitions = 95       // entries of its partition table
	ESPFlash      = 16 << 20 // bytes of its flash that its ROM reaches: addresses have 24 bits
	WebTools      = 64 << 10 // bytes of a manifest of ESP Web Tools
	WebToolBuilds = 64       // builds in it
)

// Trust: what is signed besides releases.
const (
	Statement   = 960 // bytes of a signed trust statement
	Fresh       = 256 // bytes of a signed freshness statement
	Receipt     = 192 // bytes of a receipt
	ReleaseKeys = 6   // release keys of a trust statement
	OnlineKeys  = 2   // and its online keys
	Site        = 64  // bytes of an address in it
)

// Keys that belong to one device or one model.
const (
	Signers    = 4        // signatures of a manifest or a trust statement
	KeySlots   = 4        // keys of the boot area
	DeviceKeys = 8        // keys that a terminal may name on the link, and retired ones on the cable
	ModelKeys  = KeySlots // keys that the server keeps for a model: all of them fit in one device
)

// Model: the record of a kind of device.
const (
	Model      = 4 << 10   // bytes of the record
	Name       = 64        // bytes of a model's name
	ISA        = 16        // bytes of the name of an instruction set
	Apps       = 32        // applications in RAM
	AppName    = 32        // bytes of the name of one
	Importance = 255       // of an application
	Hints      = 8         // ways into restoration mode, in words
	Hint       = 200       // bytes of one of them
	RAM        = 256 << 20 // bytes of RAM
	SlowLine   = 1200      // baud of a cable, at least
	FastLine   = 4_000_000 // and at most
)

// Update files: what is in a header. Work is docs/delta.md, section 8.
const (
	Stash   = 256 << 10 // bytes of stash memory, its table included
	Keeps   = 4096      // entries that the stash holds at a time
	Edge    = 4096      // old bytes kept of each end of the sector built last
	History = 1 << 20   // bytes built lately, to copy from
	Map     = 8192      // ranges of the relocation map
	Units   = 128       // counters of the data stream, in units of 256

	Segments = 16 // of an image that run at addresses of their own

	Work     = 240     // steps that an update file may ask for, for each byte that it builds
	Reads    = 16      // old bytes likewise, what asking for them takes included
	WorkFile = 1 << 16 // and besides for each file, of either

	Patch     = 48      // steps that a classic patch may take for each byte of the new image
	PatchFile = 1 << 17 // and besides
)

// Link: messages between terminal and server.
const (
	Message = 64 << 10 // bytes of one message
	Hello   = 1024     // bytes of a hello, with the most of everything in it
	Data    = 32 << 10 // bytes of update file in one message
	Credit  = 1 << 20  // bytes that may be granted and not yet sent
	Reason  = 200      // bytes of text in an error
	Dead    = 16       // dead sectors in a report
	Refused = 8        // refused update files in a hello
	Steps   = 2        // updates in a row that lead to the wanted release
	Wait    = 604_800  // seconds, a week: longer nobody is told to wait
	Host    = 253      // bytes of the name under which a server was dialled
)

// Cable: packets, and blocks of a file in frames.
const (
	Packet      = 2048 // bytes of a packet that a device takes, header included
	Echo        = 64   // bytes of the text of an echo
	Piece       = 1920 // bytes of a statement, a file or the flash in one packet
	Digests     = 240  // sector digests in one
	Level       = 4    // of their tree: 16^4 sectors
	LeafDigests = 56   // leaf digests in one packet
	Window      = 64   // blocks on their way, the oldest that is missing included

	Block      = 1024    // bytes of a block, at most
	SmallBlock = 64      // and at least
	Blocks     = 1 << 16 // blocks of one file
)

// Storage: what is kept in one piece.
const (
	File = 64 << 20 // bytes of an update file or a blob: a compressed image is hardly longer than the image
	// Report is what page and command tell of a restoration, and Words what went wrong, for people.
	Report = 4 << 10
	Words  = 200
	// KnownRefused is how many refused update files the server remembers of a device.
	KnownRefused = 32

	Accounts  = 1000
	Tokens    = 64  // of one account
	Logins    = 64  // pages signed in under one account
	TokenNote = 160 // bytes
	TokenDays = 36500
	ActText   = 512 // bytes of each text of a row of the audit log

	ProviderAnswer = 256 << 10 // bytes of one answer of an identity provider
	Subject        = 255       // bytes of its name for a person, as OpenID Connect has it
	Called         = 64        // bytes of what it calls a person

	ListEntries = 100_000 // devices of a list that comes from the factory

	Forgotten       = 1000   // devices that one request forgets
	EventsForgotten = 5000   // lines of their history, after which it takes no further device
	FilesRemoved    = 1000   // update files that go with a release in one step
	Names           = 16     // under which devices dial one server
	Strangers       = 10_000 // who spoke and was not proven
	FromAddress     = 100    // and of them those of one address
)
