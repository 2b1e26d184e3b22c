-- Which versions have a word in their texts: a row for each word and stretch of versions. key: the type and the word.
-- Up to which vid is kept under "worded"; what there is so far is indexed behind everything else.
CREATE TABLE word(
	low bigint NOT NULL,
	high bigint NOT NULL,
	key bytea NOT NULL,
	vids bytea NOT NULL,
	PRIMARY KEY (key, low));
ALTER TABLE word ALTER COLUMN vids SET STORAGE EXTERNAL;
