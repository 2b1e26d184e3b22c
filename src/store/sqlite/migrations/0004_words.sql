-- Which versions have a word in their texts: a row for each word and stretch of versions. key: the type and the word.
-- What there is so far is indexed when the store is next open for writing, behind everything else.
CREATE TABLE word(key BLOB NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, vids BLOB NOT NULL,
	PRIMARY KEY(key, low)) WITHOUT ROWID;
