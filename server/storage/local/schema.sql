-- The schema of the database (schema.go has its version).
--
-- Times are milliseconds since 1970, digests 32-byte blobs, u64 values are stored as the signed integer of the same bits only
-- where they are not compared (order and counter are limited to 63 bits at the API).

CREATE TABLE models (
	id TEXT PRIMARY KEY,
	record BLOB NOT NULL,
	updated INTEGER NOT NULL,
	enrolment INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
	model TEXT NOT NULL REFERENCES models(id),
	kid BLOB NOT NULL,
	public BLOB NOT NULL,
	added INTEGER NOT NULL,
	PRIMARY KEY (model, kid)
) STRICT, WITHOUT ROWID;

-- An image may be released again under a higher order. statement and note are what comes with a release in its file.
CREATE TABLE releases (
	model TEXT NOT NULL REFERENCES models(id),
	"order" INTEGER NOT NULL,
	version TEXT NOT NULL,
	image BLOB NOT NULL,
	signed BLOB NOT NULL,
	state INTEGER NOT NULL,
	published INTEGER NOT NULL,
	rollout TEXT NOT NULL DEFAULT '',
	statement BLOB NOT NULL DEFAULT x'',
	note BLOB NOT NULL DEFAULT x'',
	PRIMARY KEY (model, "order"),
	UNIQUE (model, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX releases_image ON releases (image, model, "order");

-- The number of a file that was removed is that of no other.
CREATE TABLE files (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model TEXT NOT NULL,
	source BLOB NOT NULL,
	target BLOB NOT NULL,
	shape BLOB NOT NULL,
	step INTEGER NOT NULL,
	creator TEXT NOT NULL,
	state INTEGER NOT NULL,
	blob BLOB,
	size INTEGER NOT NULL DEFAULT 0,
	workspace INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	refusals INTEGER NOT NULL DEFAULT 0,
	next INTEGER NOT NULL DEFAULT 0,
	error TEXT NOT NULL DEFAULT '',
	made INTEGER NOT NULL DEFAULT 0,
	owner TEXT NOT NULL DEFAULT '',
	lease INTEGER NOT NULL DEFAULT 0,
	UNIQUE (source, target, model, shape, step, creator)
) STRICT;
CREATE INDEX files_work ON files (state, id) WHERE state IN (1, 2);
CREATE INDEX files_blob ON files (blob) WHERE blob IS NOT NULL;
CREATE INDEX files_target ON files (target);
CREATE INDEX files_model ON files (model, id);

-- Blobs that no row may name: they were put and not named yet, or a row named them that does not any more (loose.go).
CREATE TABLE loose (digest BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TRIGGER loose_release_named AFTER INSERT ON releases BEGIN
	DELETE FROM loose WHERE digest = new.image;
END;
CREATE TRIGGER loose_release_gone AFTER DELETE ON releases BEGIN
	INSERT INTO loose VALUES (old.image) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER loose_file_set AFTER UPDATE OF blob ON files WHEN old.blob IS NOT new.blob BEGIN
	INSERT INTO loose SELECT old.blob WHERE old.blob IS NOT NULL ON CONFLICT DO NOTHING;
	DELETE FROM loose WHERE digest = new.blob;
END;
CREATE TRIGGER loose_file_gone AFTER DELETE ON files WHEN old.blob IS NOT NULL BEGIN
	INSERT INTO loose VALUES (old.blob) ON CONFLICT DO NOTHING;
END;

-- awaited is the release that the device counts for when it does not come back, NULL if none.
CREATE TABLE devices (
	id INTEGER PRIMARY KEY,
	model TEXT NOT NULL REFERENCES models(id),
	serial TEXT NOT NULL,
	revision INTEGER NOT NULL,
	demo INTEGER NOT NULL,
	first_seen INTEGER NOT NULL,
	last_seen INTEGER NOT NULL,
	sessions INTEGER NOT NULL,
	version TEXT NOT NULL,
	"order" INTEGER NOT NULL,
	image BLOB NOT NULL,
	confirmed INTEGER NOT NULL,
	state INTEGER NOT NULL,
	rest TEXT NOT NULL,
	awaited BLOB,
	conflict INTEGER NOT NULL DEFAULT 0,
	UNIQUE (model, serial)
) STRICT;
CREATE INDEX devices_state ON devices (state, last_seen, id, serial, model, version);
CREATE INDEX devices_model ON devices (model, state, last_seen, id);
CREATE INDEX devices_image ON devices (image, state, last_seen, id, model);
CREATE INDEX devices_awaited ON devices (model, awaited, state, last_seen) WHERE awaited IS NOT NULL;

CREATE TABLE history (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	source INTEGER NOT NULL,
	"from" TEXT NOT NULL,
	"to" TEXT NOT NULL,
	file BLOB NOT NULL,
	bytes INTEGER NOT NULL,
	detail TEXT NOT NULL,
	word TEXT
) STRICT;
CREATE INDEX history_device ON history (device, id);
CREATE UNIQUE INDEX history_word ON history (device, word) WHERE word IS NOT NULL;

-- Keys of devices, enrolled (1) or barred (2). A device need not have spoken yet.
CREATE TABLE identities (
	model TEXT NOT NULL REFERENCES models(id),
	serial TEXT NOT NULL,
	public BLOB NOT NULL,
	state INTEGER NOT NULL,
	since INTEGER NOT NULL,
	PRIMARY KEY (model, serial, public)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identities_public ON identities (public) WHERE state = 1;
CREATE UNIQUE INDEX identities_serial ON identities (model, serial) WHERE state = 1;

-- Who spoke and was not proven. id rises whenever one speaks; holds says whether it has shown that it has the key.
CREATE TABLE strangers (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model TEXT NOT NULL REFERENCES models(id),
	serial TEXT NOT NULL,
	public BLOB NOT NULL,
	holds INTEGER NOT NULL,
	standing INTEGER NOT NULL,
	name TEXT NOT NULL,
	address TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	sessions INTEGER NOT NULL,
	claim TEXT NOT NULL,
	failed BLOB,
	UNIQUE (model, serial, public, holds)
) STRICT;
CREATE INDEX strangers_failed ON strangers (model, failed) WHERE failed IS NOT NULL;
CREATE INDEX strangers_address ON strangers (address, id);
CREATE INDEX strangers_standing ON strangers (model, standing);

CREATE TABLE settings (
	name TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who has rights on the server: roles are bits, models a JSON array; a token's and a login's secret is its SHA-256.
-- issuer and subject are whom an identity provider knows it as, empty if none does; token is NULL in a login that a provider began.
CREATE TABLE accounts (
	name TEXT PRIMARY KEY,
	roles INTEGER NOT NULL,
	models TEXT NOT NULL,
	made INTEGER NOT NULL,
	issuer TEXT NOT NULL,
	subject TEXT NOT NULL,
	called TEXT NOT NULL,
	barred INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
	id TEXT PRIMARY KEY,
	account TEXT NOT NULL REFERENCES accounts(name) ON DELETE CASCADE,
	secret BLOB NOT NULL,
	note TEXT NOT NULL,
	made INTEGER NOT NULL,
	ends INTEGER NOT NULL,
	used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_account ON tokens (account, made);

CREATE TABLE logins (
	secret BLOB PRIMARY KEY,
	account TEXT NOT NULL REFERENCES accounts(name) ON DELETE CASCADE,
	token TEXT REFERENCES tokens(id) ON DELETE CASCADE,
	made INTEGER NOT NULL,
	seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_token ON logins (token);
CREATE INDEX logins_account ON logins (account, seen);

-- What accounts did. hash is over the row before and this one (storage.Row).
CREATE TABLE audit (
	n INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	account TEXT NOT NULL,
	token TEXT NOT NULL,
	address TEXT NOT NULL,
	name TEXT NOT NULL,
	object TEXT NOT NULL,
	before TEXT NOT NULL,
	after TEXT NOT NULL,
	result TEXT NOT NULL,
	hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_account ON audit (account, n);

-- Counts of devices, kept by triggers in the transaction that changes the device.

-- Devices by state and the time of their last word, in buckets of 2^25 ms and, within those, of 2^15 ms (level is the
-- exponent): of all (scope 0), of a model (1), of a model and image (2), of a model and awaited release (3).
CREATE TABLE tally (
	scope INTEGER NOT NULL,
	model TEXT NOT NULL,
	image BLOB NOT NULL,
	state INTEGER NOT NULL,
	level INTEGER NOT NULL,
	bucket INTEGER NOT NULL,
	n INTEGER NOT NULL,
	PRIMARY KEY (scope, model, image, state, level, bucket)
) STRICT, WITHOUT ROWID;
CREATE INDEX tally_empty ON tally (n) WHERE n = 0;
CREATE TRIGGER tally_insert AFTER INSERT ON devices BEGIN
	INSERT INTO tally SELECT k.scope, k.model, k.image, new.state, level, new.last_seen >> level, 1 FROM (
		SELECT 0 AS scope, '' AS model, x'' AS image
		UNION ALL SELECT 1, new.model, x''
		UNION ALL SELECT 2, new.model, new.image
		UNION ALL SELECT 3, new.model, new.awaited) k, (SELECT 15 AS level UNION ALL SELECT 25)
		WHERE k.image IS NOT NULL ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
CREATE TRIGGER tally_delete AFTER DELETE ON devices BEGIN
	INSERT INTO tally SELECT k.scope, k.model, k.image, old.state, level, old.last_seen >> level, -1 FROM (
		SELECT 0 AS scope, '' AS model, x'' AS image
		UNION ALL SELECT 1, old.model, x''
		UNION ALL SELECT 2, old.model, old.image
		UNION ALL SELECT 3, old.model, old.awaited) k, (SELECT 15 AS level UNION ALL SELECT 25)
		WHERE k.image IS NOT NULL ON CONFLICT DO UPDATE SET n = n + excluded.n;
	DELETE FROM tally WHERE n = 0;
END;
CREATE TRIGGER tally_update AFTER UPDATE ON devices
	WHEN old.model IS NOT new.model OR old.image IS NOT new.image OR old.awaited IS NOT new.awaited OR old.state IS NOT new.state OR old.last_seen IS NOT new.last_seen BEGIN
	INSERT INTO tally SELECT k.scope, k.model, k.image, k.state, level, k.seen >> level, k.n FROM (
		SELECT 0 AS scope, '' AS model, x'' AS image, old.state AS state, old.last_seen AS seen, -1 AS n
		UNION ALL SELECT 1, old.model, x'', old.state, old.last_seen, -1
		UNION ALL SELECT 2, old.model, old.image, old.state, old.last_seen, -1
		UNION ALL SELECT 3, old.model, old.awaited, old.state, old.last_seen, -1
		UNION ALL SELECT 0, '', x'', new.state, new.last_seen, 1
		UNION ALL SELECT 1, new.model, x'', new.state, new.last_seen, 1
		UNION ALL SELECT 2, new.model, new.image, new.state, new.last_seen, 1
		UNION ALL SELECT 3, new.model, new.awaited, new.state, new.last_seen, 1) k, (SELECT 15 AS level UNION ALL SELECT 25)
		WHERE k.image IS NOT NULL ON CONFLICT DO UPDATE SET n = n + excluded.n;
	DELETE FROM tally WHERE n = 0;
END;

-- Devices by what they say they run, without those of whose key two seem to speak.
CREATE TABLE runs (
	model TEXT NOT NULL,
	image BLOB NOT NULL,
	"order" INTEGER NOT NULL,
	version TEXT NOT NULL,
	installed INTEGER NOT NULL,
	confirmed INTEGER NOT NULL,
	PRIMARY KEY (model, image, "order", version)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_installed ON runs (installed);
CREATE INDEX runs_image ON runs (image);
CREATE INDEX runs_version ON runs (version COLLATE NOCASE);
CREATE TRIGGER runs_insert AFTER INSERT ON devices WHEN NOT new.conflict BEGIN
	INSERT INTO runs VALUES (new.model, new.image, new."order", new.version, 1, new.confirmed)
		ON CONFLICT DO UPDATE SET installed = installed + 1, confirmed = confirmed + excluded.confirmed;
END;
CREATE TRIGGER runs_delete AFTER DELETE ON devices WHEN NOT old.conflict BEGIN
	UPDATE runs SET installed = installed - 1, confirmed = confirmed - old.confirmed WHERE model = old.model AND image = old.image AND "order" = old."order" AND version = old.version;
	DELETE FROM runs WHERE installed = 0;
END;
CREATE TRIGGER runs_update AFTER UPDATE ON devices
	WHEN old.model IS NOT new.model OR old.image IS NOT new.image OR old."order" IS NOT new."order" OR old.version IS NOT new.version OR old.confirmed IS NOT new.confirmed OR old.conflict IS NOT new.conflict BEGIN
	UPDATE runs SET installed = installed - 1, confirmed = confirmed - old.confirmed
		WHERE model = old.model AND image = old.image AND "order" = old."order" AND version = old.version AND NOT old.conflict;
	INSERT INTO runs SELECT new.model, new.image, new."order", new.version, 1, new.confirmed WHERE NOT new.conflict
		ON CONFLICT DO UPDATE SET installed = installed + 1, confirmed = confirmed + excluded.confirmed;
	DELETE FROM runs WHERE installed = 0;
END;

-- Parts of serial numbers, for the fleet's search. A device's serial never changes.
CREATE VIRTUAL TABLE serials USING fts5 (serial, content = '', tokenize = 'trigram', detail = none);
CREATE TRIGGER serials_insert AFTER INSERT ON devices BEGIN
	INSERT INTO serials (rowid, serial) VALUES (new.id, new.serial);
END;
-- A device can be forgotten, and its number in the table taken by another.
CREATE TRIGGER serials_delete AFTER DELETE ON devices BEGIN
	INSERT INTO serials (serials, rowid, serial) VALUES ('delete', old.id, old.serial);
END;
