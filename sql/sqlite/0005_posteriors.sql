-- What the journal's answers say of each product in each segment, up to `projection`'s position under
-- the name posterior/HALF-LIFE. Sums of 2^(days since 2024-01-01 / half-life); decide/posteriors.h.

CREATE TABLE posterior (
    segment TEXT NOT NULL,              -- its name in actions.ini, '' for none
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    yes REAL NOT NULL,
    answers REAL NOT NULL,
    PRIMARY KEY (segment, product)
) STRICT, WITHOUT ROWID;
