-- The canonical model of a bank, for SQLite.
--
-- Moments are milliseconds since 1970-01-01 UTC, days are days since then, amounts are fen, rates
-- parts per million; NULL is "not known" or "none". Every fact carries at_ms, when it happened, and
-- known_at_ms, when the bank could first know it. Enumerations hold the numbers of bank/types.h.
-- Tables that belong to a customer lead with his key, so that a pass in its order reads them all
-- side by side, and a cluster can spread them by it. A fact of which one customer may have several
-- at one moment ends its key in `sequence`.
-- References are checked at the end of a transaction: a batch may bring rows in any order.

CREATE TABLE batch (
    batch INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    mapping TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    rows_loaded INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    max_known_at_ms INTEGER             -- of all facts of this batch
) STRICT;

CREATE TABLE batch_file (
    batch INTEGER NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (sha256, batch)
) STRICT, WITHOUT ROWID;

-- Lists of codes of the bank's own that are nothing but codes: occupation, education, marital ...
CREATE TABLE code (
    list INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    code TEXT NOT NULL,
    PRIMARY KEY (list, number),
    UNIQUE (list, code)
) STRICT, WITHOUT ROWID;

-- The organisation. Rows are the present state; at_ms says since when.

CREATE TABLE institution (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE branch (
    branch INTEGER PRIMARY KEY,         -- dense, from 0, in the order of first appearance
    code TEXT NOT NULL UNIQUE,
    name TEXT,
    institution TEXT REFERENCES institution DEFERRABLE INITIALLY DEFERRED,
    parent TEXT,                        -- code of the branch that it reports to
    region TEXT,
    opened_day INTEGER,
    closed_day INTEGER,
    at_ms INTEGER,
    known_at_ms INTEGER
) STRICT;

CREATE TABLE staff (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    role TEXT,
    branch INTEGER REFERENCES branch DEFERRABLE INITIALLY DEFERRED,
    joined_day INTEGER,
    left_day INTEGER,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is sold.

CREATE TABLE product (
    product INTEGER PRIMARY KEY,        -- dense, from 0; never given to another product
    code TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE product_version (
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,             -- valid from here on
    known_at_ms INTEGER NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    features_zh TEXT NOT NULL,
    features_en TEXT NOT NULL,
    category INTEGER NOT NULL,
    risk INTEGER NOT NULL CHECK (risk BETWEEN 1 AND 5),
    minimum_fen INTEGER NOT NULL CHECK (minimum_fen >= 0),
    rate_ppm INTEGER NOT NULL,
    term_days INTEGER NOT NULL CHECK (term_days >= 0),
    age_min INTEGER NOT NULL,
    age_max INTEGER NOT NULL CHECK (age_max >= age_min),
    launched_day INTEGER NOT NULL,
    is_green INTEGER NOT NULL CHECK (is_green IN (0, 1)),
    channels INTEGER NOT NULL,          -- bit (1 << channel)
    status INTEGER NOT NULL,
    PRIMARY KEY (product, at_ms)
) STRICT, WITHOUT ROWID;

-- The customer and what is known of him.

CREATE TABLE customer (
    customer INTEGER PRIMARY KEY,       -- dense, from 0, in the order of first appearance
    id TEXT NOT NULL,                   -- the bank's own
    name TEXT,
    batch INTEGER NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE UNIQUE INDEX customer_by_id ON customer (id);

CREATE TABLE customer_profile (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL CHECK (known_at_ms >= at_ms),
    birth_day INTEGER,
    joined_day INTEGER,
    gender INTEGER,
    has_phone INTEGER,
    branch INTEGER REFERENCES branch DEFERRABLE INITIALLY DEFERRED,
    occupation INTEGER,
    education INTEGER,
    marital INTEGER,
    income_fen INTEGER,
    batch INTEGER NOT NULL,
    PRIMARY KEY (customer, at_ms, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE risk_assessment (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL CHECK (known_at_ms >= at_ms),
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 5),
    expires_ms INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    PRIMARY KEY (customer, at_ms, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE consent (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL CHECK (known_at_ms >= at_ms),
    channel INTEGER,                    -- NULL: personalisation as such
    is_granted INTEGER NOT NULL CHECK (is_granted IN (0, 1)),
    batch INTEGER NOT NULL,
    PRIMARY KEY (customer, at_ms, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE do_not_contact (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    channel INTEGER NOT NULL,           -- 0: every channel
    known_at_ms INTEGER NOT NULL,
    until_ms INTEGER,
    reason TEXT,
    PRIMARY KEY (customer, at_ms, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE complaint (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    code TEXT NOT NULL,                 -- the bank's case number
    known_at_ms INTEGER NOT NULL,
    subject TEXT,
    product INTEGER REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    closed_at_ms INTEGER,
    PRIMARY KEY (customer, at_ms, code)
) STRICT, WITHOUT ROWID;

-- Which relationship manager looks after whom, from when.
CREATE TABLE assignment (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    staff TEXT NOT NULL REFERENCES staff DEFERRABLE INITIALLY DEFERRED,
    known_at_ms INTEGER NOT NULL,
    until_ms INTEGER,
    PRIMARY KEY (customer, at_ms, staff)
) STRICT, WITHOUT ROWID;
CREATE INDEX assignment_by_staff ON assignment (staff);

CREATE TABLE account (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    code TEXT NOT NULL,
    product INTEGER REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    branch INTEGER REFERENCES branch DEFERRABLE INITIALLY DEFERRED,
    opened_day INTEGER,
    closed_day INTEGER,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL,
    PRIMARY KEY (customer, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL CHECK (known_at_ms >= at_ms),
    kind INTEGER NOT NULL,
    product INTEGER REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    channel INTEGER,
    merchant INTEGER,
    amount_fen INTEGER,                 -- signed from the customer's side
    balance_fen INTEGER,                -- of his accounts afterwards
    quantity INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    PRIMARY KEY (customer, at_ms, sequence)
) STRICT, WITHOUT ROWID;

-- Derived from the open and close events, the oldest open one closed first.
CREATE TABLE holding (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    sequence INTEGER NOT NULL,
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    opened_at_ms INTEGER,               -- NULL: before the bank's records begin
    opened_known_at_ms INTEGER,
    closed_at_ms INTEGER,
    closed_known_at_ms INTEGER,
    PRIMARY KEY (customer, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE label (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL,
    layer TEXT,
    value TEXT,
    until_ms INTEGER,
    source TEXT,                        -- rule, model or person that gave it
    PRIMARY KEY (customer, name, at_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE legal_hold (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL,
    until_ms INTEGER,
    reason TEXT,
    PRIMARY KEY (customer, at_ms)
) STRICT, WITHOUT ROWID;

-- Where and why something is offered.

CREATE TABLE placement (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    channel INTEGER,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign (
    campaign INTEGER PRIMARY KEY,       -- dense, from 0, in the order of first appearance
    code TEXT NOT NULL UNIQUE,
    name TEXT,
    product INTEGER REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    channel INTEGER,
    starts_ms INTEGER,
    ends_ms INTEGER,
    control_ppm INTEGER CHECK (control_ppm BETWEEN 0 AND 1000000), -- share held back by chance
    random_ppm INTEGER CHECK (random_ppm BETWEEN 0 AND 1000000),   -- share assigned by chance
    at_ms INTEGER,
    known_at_ms INTEGER
) STRICT;

-- Offers of the past, as imported: who was shown what, with which probability, and what he said.
CREATE TABLE exposure (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL CHECK (known_at_ms >= at_ms),
    campaign INTEGER REFERENCES campaign DEFERRABLE INITIALLY DEFERRED,
    product INTEGER REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    channel INTEGER,
    answer INTEGER,
    answer_known_at_ms INTEGER,
    show_probability REAL CHECK (show_probability BETWEEN 0 AND 1),
    is_random INTEGER NOT NULL CHECK (is_random IN (0, 1)),
    is_control INTEGER NOT NULL CHECK (is_control IN (0, 1)), -- held back: not shown
    batch INTEGER NOT NULL,
    PRIMARY KEY (customer, at_ms, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    hypothesis TEXT,
    metric TEXT,
    starts_ms INTEGER,
    ends_ms INTEGER,
    seed INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment_arm (
    experiment TEXT NOT NULL REFERENCES experiment DEFERRABLE INITIALLY DEFERRED,
    arm TEXT NOT NULL,
    share_ppm INTEGER NOT NULL CHECK (share_ppm BETWEEN 0 AND 1000000),
    is_control INTEGER NOT NULL CHECK (is_control IN (0, 1)),
    PRIMARY KEY (experiment, arm)
) STRICT, WITHOUT ROWID;

-- What decides.

CREATE TABLE model (
    model TEXT NOT NULL PRIMARY KEY,    -- its name in the registry
    sha256 TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL,
    status TEXT NOT NULL,               -- candidate, current, retired
    card TEXT NOT NULL                  -- JSON: lineage and quality
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_set_version (
    rule_set TEXT NOT NULL,
    version INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (rule_set, version)
) STRICT, WITHOUT ROWID;

-- Two persons for rules, products, models and exports.
CREATE TABLE approval (
    approval INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,              -- what is approved, with its hash
    sha256 TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at_ms INTEGER NOT NULL,
    answered_by TEXT CHECK (answered_by <> asked_by),
    answered_at_ms INTEGER,
    is_granted INTEGER CHECK (is_granted IN (0, 1)),
    reason TEXT
) STRICT;

-- The journal's decisions, exposures and answers, by position; rebuilt from it after a crash.

CREATE TABLE projection (
    name TEXT NOT NULL PRIMARY KEY,
    next_position INTEGER NOT NULL      -- the first record that is not in the tables yet
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,          -- in the journal
    id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,                 -- recommend, ...
    round INTEGER NOT NULL CHECK (round >= 1),
    parent TEXT,                        -- id of the round before
    as_of_ms INTEGER NOT NULL,
    model TEXT,
    rule_set TEXT,
    placement TEXT,
    channel INTEGER,
    staff TEXT,                         -- who asked
    experiment TEXT,
    arm TEXT,
    seed INTEGER,
    is_final INTEGER NOT NULL DEFAULT 0 CHECK (is_final IN (0, 1)), -- all answers are in
    PRIMARY KEY (customer, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX decision_by_id ON decision (id);

CREATE TABLE decision_item (
    customer INTEGER NOT NULL,
    position INTEGER NOT NULL,
    rank INTEGER NOT NULL CHECK (rank >= 1),
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    score REAL NOT NULL,
    probability REAL CHECK (probability BETWEEN 0 AND 1),
    show_probability REAL CHECK (show_probability BETWEEN 0 AND 1),
    value REAL,                         -- the factors of arbitration
    context_weight REAL,
    lever REAL,
    reasons TEXT,                       -- JSON
    PRIMARY KEY (customer, position, rank),
    FOREIGN KEY (customer, position) REFERENCES decision DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE decision_refusal (
    customer INTEGER NOT NULL,
    position INTEGER NOT NULL,
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    rule TEXT NOT NULL,
    PRIMARY KEY (customer, position, product),
    FOREIGN KEY (customer, position) REFERENCES decision DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- What of a decision was displayed or offered; only what was offered counts as shown.
CREATE TABLE decision_exposure (
    customer INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- of this record
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    decision INTEGER NOT NULL,          -- position of the decision
    at_ms INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('displayed', 'offered')),
    channel INTEGER,
    PRIMARY KEY (customer, position, product),
    FOREIGN KEY (customer, decision) REFERENCES decision DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE answer (
    customer INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- of this record
    product INTEGER NOT NULL REFERENCES product DEFERRABLE INITIALLY DEFERRED,
    decision INTEGER NOT NULL,          -- position of the decision
    at_ms INTEGER NOT NULL,
    answer INTEGER NOT NULL,
    channel INTEGER,
    staff TEXT,
    PRIMARY KEY (customer, position, product),
    FOREIGN KEY (customer, decision) REFERENCES decision DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    task INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    staff TEXT REFERENCES staff DEFERRABLE INITIALLY DEFERRED,
    at_ms INTEGER NOT NULL,
    known_at_ms INTEGER NOT NULL,
    due_ms INTEGER,
    kind TEXT NOT NULL,
    decision TEXT,                      -- id of the decision that it came from
    note TEXT,
    done_at_ms INTEGER,
    outcome TEXT
) STRICT;
CREATE INDEX task_by_staff ON task (staff, due_ms) WHERE done_at_ms IS NULL;
