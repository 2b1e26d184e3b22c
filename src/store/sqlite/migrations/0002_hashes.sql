-- A hash of what each version holds, so that an update which changes nothing can be told, and damage found. Versions from
-- before have none.
ALTER TABLE version ADD COLUMN hash BLOB;

-- Deletions are versions of their type too: the history of a type walks them.
INSERT OR IGNORE INTO kind SELECT type, vid FROM version WHERE op = 2 AND vid <= (SELECT vid FROM indexed);
