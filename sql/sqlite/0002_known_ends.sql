-- Ends with a known_at of their own, the terms of products over time, and keys for what a bank's
-- files bring.

-- When the end was first known; NULL without an end. An end that is only known later must not be
-- seen before.
ALTER TABLE do_not_contact ADD COLUMN until_known_at_ms INTEGER;
UPDATE do_not_contact SET until_known_at_ms = known_at_ms WHERE until_ms IS NOT NULL;

ALTER TABLE complaint ADD COLUMN closed_known_at_ms INTEGER;
UPDATE complaint SET closed_known_at_ms = max(known_at_ms, closed_at_ms)
 WHERE closed_at_ms IS NOT NULL;

-- A task of another system carries that system's number.
ALTER TABLE task ADD COLUMN code TEXT;
CREATE UNIQUE INDEX task_by_code ON task (code);

-- What a product offered from a moment on, as files say; product_version is what catalogue.ini said
-- at each import. What is corrected later is one more row.
CREATE TABLE product_terms (
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,             -- valid from here on
    known_at_ms INTEGER NOT NULL,
    minimum_fen INTEGER NOT NULL CHECK (minimum_fen >= 0),
    rate_ppm INTEGER NOT NULL,
    term_days INTEGER NOT NULL CHECK (term_days >= 0),
    PRIMARY KEY (product, at_ms, known_at_ms)
) STRICT, WITHOUT ROWID;
