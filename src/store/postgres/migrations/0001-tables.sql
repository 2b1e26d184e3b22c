-- The tables of one tenant, in a schema of its own. Numbers are given by the program under the commit lock, so rows are
-- appended in the order of their keys wherever that is possible. What comes from clients is bytea: it
-- compares by bytes, and nothing that a client sends (a zero byte, a broken encoding) can make the database refuse a
-- row. convert_from(id, 'UTF8') shows it as text.
--
-- patient is the rid of the Patient whose compartment a row belongs to, 0 for none: what a cluster is distributed by.

-- Names, in this store's own numbering. count: current resources.
CREATE TABLE type(
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	count bigint NOT NULL DEFAULT 0,
	name text COLLATE "C" NOT NULL UNIQUE) WITH (fillfactor = 50);
CREATE TABLE param(
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	type bigint NOT NULL,
	code text COLLATE "C" NOT NULL,
	UNIQUE (type, code));
CREATE TABLE system(
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	text bytea NOT NULL);
-- A system may be longer than an index entry can be.
CREATE UNIQUE INDEX system_text ON system(sha256(text));

-- The numbers given last, and the end of the audit chain. Only who holds the commit lock touches it.
CREATE TABLE head(
	one smallint PRIMARY KEY DEFAULT 1 CHECK (one = 1),
	last_vid bigint NOT NULL,
	last_rid bigint NOT NULL,
	last_time bigint NOT NULL,
	audit_count bigint NOT NULL,
	audit_hash bytea NOT NULL) WITH (fillfactor = 10);
INSERT INTO head VALUES (1, 0, 0, 0, 0, decode(repeat('00', 32), 'hex'));

-- The number of the last group of each writing process: tells whether a commit took place whose answer was lost.
CREATE TABLE writer(
	id bytea PRIMARY KEY,
	number bigint NOT NULL,
	time bigint NOT NULL) WITH (fillfactor = 10);

-- The current state of each resource. vid 0: only referred to, never stored.
CREATE TABLE resource(
	rid bigint PRIMARY KEY,
	vid bigint NOT NULL,
	version bigint NOT NULL,
	time bigint NOT NULL,
	patient bigint NOT NULL,
	type integer NOT NULL,
	op smallint NOT NULL,
	id bytea NOT NULL) WITH (fillfactor = 85);
CREATE UNIQUE INDEX resource_id ON resource(type, id);

-- Every version ever. died: the vid that replaced it, 0 while it is current. terms: its index rows, by version.
CREATE TABLE version(
	vid bigint PRIMARY KEY,
	rid bigint NOT NULL,
	version bigint NOT NULL,
	time bigint NOT NULL,
	died bigint NOT NULL DEFAULT 0,
	patient bigint NOT NULL,
	type integer NOT NULL,
	op smallint NOT NULL,
	hash bytea,
	terms bytea) WITH (fillfactor = 90);
ALTER TABLE version ALTER COLUMN terms SET STORAGE EXTERNAL;
CREATE TABLE past(
	rid bigint NOT NULL,
	version bigint NOT NULL,
	vid bigint NOT NULL,
	patient bigint NOT NULL,
	PRIMARY KEY (rid, version));
CREATE TABLE body(
	vid bigint PRIMARY KEY,
	patient bigint NOT NULL,
	meta_at integer NOT NULL,
	coding smallint NOT NULL,
	bytes bytea NOT NULL);
ALTER TABLE body ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE TABLE dictionary(
	id smallint PRIMARY KEY,
	bytes bytea NOT NULL);

-- What is searched by, for all versions up to indexed.vid: those behind it are searched by their terms, so that a
-- commit does not touch a page for every index row. token also holds uris and absolute references, number also
-- quantities with their units.
CREATE TABLE indexed(
	one smallint PRIMARY KEY DEFAULT 1 CHECK (one = 1),
	vid bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO indexed VALUES (1, 0);
CREATE TABLE kind(
	vid bigint NOT NULL,
	patient bigint NOT NULL,
	type integer NOT NULL);
CREATE INDEX kind_key ON kind(type, vid);
CREATE TABLE token(
	vid bigint NOT NULL,
	patient bigint NOT NULL,
	param integer NOT NULL,
	system integer NOT NULL,
	code bytea NOT NULL);
CREATE INDEX token_key ON token(param, code, system, vid);
CREATE TABLE string(
	vid bigint NOT NULL,
	patient bigint NOT NULL,
	param integer NOT NULL,
	text bytea NOT NULL);
CREATE INDEX string_key ON string(param, text, vid);
CREATE TABLE date(
	vid bigint NOT NULL,
	patient bigint NOT NULL,
	low bigint NOT NULL,
	high bigint NOT NULL,
	param integer NOT NULL,
	width smallint NOT NULL);
CREATE INDEX date_key ON date(param, width, low, high, vid);
CREATE TABLE number(
	vid bigint NOT NULL,
	patient bigint NOT NULL,
	low double precision NOT NULL,
	high double precision NOT NULL,
	param integer NOT NULL,
	width smallint NOT NULL,
	unit bytea NOT NULL);
CREATE INDEX number_key ON number(param, unit, width, low, high, vid);
CREATE TABLE reference(
	vid bigint NOT NULL,
	patient bigint NOT NULL,
	target bigint NOT NULL,
	param integer NOT NULL);
CREATE INDEX reference_key ON reference(param, target, vid);

CREATE TABLE audit(
	number bigint PRIMARY KEY,
	time bigint NOT NULL,
	version bigint NOT NULL,
	outcome integer NOT NULL,
	http_status integer NOT NULL,
	action smallint NOT NULL,
	outgoing boolean NOT NULL,
	interaction bytea,
	agent bytea,
	address bytea,
	request_id bytea,
	type bytea,
	id bytea,
	query bytea,
	patient bytea,
	detail bytea,
	hash bytea NOT NULL);

CREATE TABLE fact(
	shelf bytea NOT NULL,
	key bytea NOT NULL,
	value bytea NOT NULL,
	expires bigint NOT NULL,
	PRIMARY KEY (shelf, key));
CREATE INDEX fact_expires ON fact(expires) WHERE expires > 0;
