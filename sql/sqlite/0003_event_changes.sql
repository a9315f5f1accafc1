-- Corrections and deletions of events. The event's own row stays as it came: before known_at_ms the
-- bank knew nothing better. Rows are never changed.

CREATE TABLE event_change (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,             -- these three name the event
    sequence INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL CHECK (known_at_ms >= at_ms AND known_at_ms > 0),
    version INTEGER NOT NULL,           -- of several known at one moment the highest counts
    is_deleted INTEGER NOT NULL CHECK (is_deleted IN (0, 1)),
    kind INTEGER,                       -- the new values, as in `event`; NULL where deleted
    product INTEGER REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    channel INTEGER,
    merchant INTEGER,
    amount_fen INTEGER,
    balance_fen INTEGER,
    quantity INTEGER,
    batch INTEGER NOT NULL,
    PRIMARY KEY (customer, at_ms, sequence, known_at_ms, version),
    CHECK (is_deleted = (kind IS NULL)),
    CHECK (is_deleted = (quantity IS NULL))
) STRICT, WITHOUT ROWID;
