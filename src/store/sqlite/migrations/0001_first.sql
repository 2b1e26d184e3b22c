-- The tables. Small integer keys everywhere, and rows that are only ever appended wherever that is possible, because
-- random pages written to the log are what a commit costs.

-- Names, in this store's own numbering: packs of definitions come and go. count: current resources.
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE type(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, count INTEGER NOT NULL DEFAULT 0);
CREATE TABLE param(id INTEGER PRIMARY KEY, type INTEGER NOT NULL, code TEXT NOT NULL, UNIQUE(type, code));
CREATE TABLE system(id INTEGER PRIMARY KEY, text BLOB NOT NULL UNIQUE);

-- The current state of each resource. vid 0: only referred to, never stored.
CREATE TABLE resource(rid INTEGER PRIMARY KEY, type INTEGER NOT NULL, id TEXT NOT NULL, vid INTEGER NOT NULL,
	version INTEGER NOT NULL, time INTEGER NOT NULL, op INTEGER NOT NULL);
CREATE UNIQUE INDEX resource_id ON resource(type, id);

-- Every version ever. died: the vid that replaced it. terms: its index rows once more, by version.
CREATE TABLE version(vid INTEGER PRIMARY KEY, rid INTEGER NOT NULL, type INTEGER NOT NULL, version INTEGER NOT NULL,
	time INTEGER NOT NULL, op INTEGER NOT NULL, died INTEGER, terms BLOB);
CREATE TABLE past(rid INTEGER NOT NULL, version INTEGER NOT NULL, vid INTEGER NOT NULL,
	PRIMARY KEY(rid, version)) WITHOUT ROWID;
CREATE TABLE body(vid INTEGER PRIMARY KEY, coding INTEGER NOT NULL, meta_at INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE dictionary(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);

-- What is searched by, for all versions up to indexed.vid: the last few are searched by their terms, so that a small
-- commit does not touch a page for every index row. kind: all of a type. token also holds uri and absolute references,
-- number also quantity (with its unit).
CREATE TABLE indexed(one INTEGER PRIMARY KEY CHECK(one = 1), vid INTEGER NOT NULL);
INSERT INTO indexed VALUES (1, 0);
CREATE TABLE kind(type INTEGER NOT NULL, vid INTEGER NOT NULL, PRIMARY KEY(type, vid)) WITHOUT ROWID;
CREATE TABLE token(param INTEGER NOT NULL, code BLOB NOT NULL, system INTEGER NOT NULL, vid INTEGER NOT NULL,
	PRIMARY KEY(param, code, system, vid)) WITHOUT ROWID;
CREATE TABLE string(param INTEGER NOT NULL, text BLOB NOT NULL, vid INTEGER NOT NULL,
	PRIMARY KEY(param, text, vid)) WITHOUT ROWID;
CREATE TABLE date(param INTEGER NOT NULL, width INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
	vid INTEGER NOT NULL, PRIMARY KEY(param, width, low, high, vid)) WITHOUT ROWID;
CREATE TABLE number(param INTEGER NOT NULL, unit BLOB NOT NULL, width INTEGER NOT NULL, low REAL NOT NULL,
	high REAL NOT NULL, vid INTEGER NOT NULL, PRIMARY KEY(param, unit, width, low, high, vid)) WITHOUT ROWID;
CREATE TABLE reference(param INTEGER NOT NULL, target INTEGER NOT NULL, vid INTEGER NOT NULL,
	PRIMARY KEY(param, target, vid)) WITHOUT ROWID;

CREATE TABLE audit(number INTEGER PRIMARY KEY, time INTEGER NOT NULL, action INTEGER NOT NULL, interaction TEXT,
	outgoing INTEGER NOT NULL, outcome INTEGER NOT NULL, http_status INTEGER NOT NULL, agent TEXT, address TEXT,
	request_id TEXT, type TEXT, id TEXT, version INTEGER NOT NULL, query TEXT, patient TEXT, detail TEXT,
	hash BLOB NOT NULL);
CREATE TABLE audit_head(one INTEGER PRIMARY KEY CHECK(one = 1), count INTEGER NOT NULL, hash BLOB NOT NULL);
INSERT INTO audit_head VALUES (1, 0, zeroblob(32));

CREATE TABLE fact(shelf TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires INTEGER NOT NULL,
	PRIMARY KEY(shelf, key)) WITHOUT ROWID;
CREATE INDEX fact_expires ON fact(expires) WHERE expires > 0;
