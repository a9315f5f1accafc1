-- Who may use the program: accounts, sessions, API keys and what they used, walk-in access.
-- A file of its own, access.db: whoever administers it need not be able to read the bank, and a bank that is loaded anew
-- keeps its accounts. Passwords are Argon2id, tokens and keys SHA-256 of 256 random bits.

CREATE TABLE account (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    branch TEXT,                        -- the bank's code; NULL: none
    staff TEXT,                         -- the bank's code of the person; NULL: none
    password TEXT NOT NULL,
    second BLOB,                        -- secret of the second factor; NULL: none yet
    second_step INTEGER NOT NULL,       -- the last step that was used; 0: none
    is_second_proved INTEGER NOT NULL CHECK (is_second_proved IN (0, 1)),
    is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
    at_ms INTEGER NOT NULL,             -- since when
    password_ms INTEGER NOT NULL        -- since when this password
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    token BLOB NOT NULL PRIMARY KEY,    -- hash
    account TEXT NOT NULL REFERENCES account,
    form_token BLOB NOT NULL,           -- hash of what a form must send along
    begun_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,           -- as far as it was written down
    has_second INTEGER NOT NULL CHECK (has_second IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_account ON session (account);

CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,       -- may be shown
    secret BLOB NOT NULL UNIQUE,        -- hash
    owner TEXT NOT NULL,                -- who it was made for
    scopes INTEGER NOT NULL,            -- bits of enum policy_scope
    quota INTEGER NOT NULL,             -- calls a day; 0: none
    price_fen INTEGER NOT NULL CHECK (price_fen >= 0), -- a call
    at_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,          -- its end
    revoked_ms INTEGER                  -- NULL: it counts
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key_use (
    key TEXT NOT NULL REFERENCES api_key,
    day INTEGER NOT NULL,               -- bank day since 1970-01-01
    route TEXT NOT NULL,
    calls INTEGER NOT NULL,
    price_fen INTEGER NOT NULL,         -- of these calls, at the price of the day
    PRIMARY KEY (key, day, route)
) STRICT, WITHOUT ROWID;

-- A customer who is not his, asked for with a reason.
CREATE TABLE access_grant (
    account TEXT NOT NULL REFERENCES account,
    customer TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (account, customer, at_ms)
) STRICT, WITHOUT ROWID;
