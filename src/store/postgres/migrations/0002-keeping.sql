-- How far keeping came: "vacuumed" is the vid up to which versions that died have lost their index rows, "reindex" how far a
-- reindexing that was stopped had come.
CREATE TABLE kept(
	key text PRIMARY KEY,
	value bigint NOT NULL);
