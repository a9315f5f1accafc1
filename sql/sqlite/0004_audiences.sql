-- Kept audiences: conditions over customers that somebody counts again and again.

CREATE TABLE audience (
    name TEXT NOT NULL PRIMARY KEY,
    expression TEXT NOT NULL,           -- as expr_format writes it
    owner TEXT NOT NULL,                -- '' where nobody is named
    at_ms INTEGER NOT NULL              -- since when it is kept
) STRICT, WITHOUT ROWID;

-- How many they were, one row a count.
CREATE TABLE audience_size (
    audience TEXT NOT NULL REFERENCES audience DEFERRABLE INITIALLY DEFERRED,
    sequence INTEGER NOT NULL,          -- from 1
    at_ms INTEGER NOT NULL,             -- when it was counted
    as_of_ms INTEGER NOT NULL,          -- the moment of the snapshot
    size INTEGER NOT NULL CHECK (size >= 0),
    customers INTEGER NOT NULL,         -- of the snapshot, whoever they are
    PRIMARY KEY (audience, sequence)
) STRICT, WITHOUT ROWID;
