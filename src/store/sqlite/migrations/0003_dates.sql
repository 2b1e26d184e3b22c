-- Versions that have several dates under one parameter are marked among the tokens, in stores that began with this step
-- or were indexed anew since.
INSERT INTO meta SELECT 'dates', 1 WHERE NOT EXISTS (SELECT 1 FROM version);
