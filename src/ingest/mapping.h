#ifndef INGEST_MAPPING_H
#define INGEST_MAPPING_H

/*
 * mapping: an INI file that says what a bank's files mean: which files, how they are written, and
 * from which column each field of the canonical model comes. docs/reference/mapping.md shows it by
 * example; what stands here is the whole syntax.
 *
 * Lines are `name = value`; `#` and `;` begin a comment at the start of a line; a value goes on in
 * indented lines. A name holds no `=` and no `:`. The separators ` + `, ` - `, ` as `, ` in ` need
 * the blanks around them.
 *
 *   [mapping]            holds for every [file ...] section that does not say otherwise
 *   about = text         one line for people
 *   encoding = utf-8 | gb18030                                        default utf-8
 *   delimiter = comma | tab | semicolon | pipe | space | 1 to 8 ASCII characters: |@|
 *                                                                     default comma
 *   quote = double | single | none                                    default double
 *   null = NULL, \N, NA  texts that mean "nothing", beside the empty field
 *   dates = FORM         form of moments and days that name none      default YYYY-MM-DD
 *   amounts = yuan | fen form of amounts that name none               default yuan
 *   yes = 1, Y           texts of a true boolean     default 1, Y, y, yes, true, TRUE, T
 *   no = 0, N            texts of a false one        default 0, N, n, no, false, FALSE, F
 *   known_at = MOMENT    for entities that have it and do not name one
 *
 *   [file NAME]          NAME is free; it is used in messages
 *   entity = customer | event | event_change | contract | holding | snapshot | risk | exposure
 *            | consent | do_not_contact | complaint | label | legal_hold | task | account
 *            | assignment | product | product_terms | institution | branch | staff | campaign
 *            | placement | experiment | experiment_arm
 *   files = PATTERN ...  blank-separated names in the source folder; `*` and `?` as in a shell.
 *                        At most one part in braces holds the file's date: {YYYYMMDD},
 *                        {YYYY-MM-DD}, {YYYYMM}, {YYYY-MM} (a month means its last day):
 *                        events_{YYYYMM}.csv. One file may feed several sections.
 *   header = yes | no    the first row names the columns              default yes
 *   columns = a b c      with header = no: names for the columns, in order
 *   trailer = END {count}   the last row of each file: blank-separated fields; {count} is the
 *                        number of rows before it (without the header), * is any text. A file
 *                        without it, or with another count, was cut off: the import stops.
 *   only = COLUMN in a, b     rows with another value there are passed over (not rejected)
 *   except = COLUMN in a, b   rows with such a value there are passed over
 *   encoding, delimiter, quote, null, dates, amounts, yes, no   as above
 *   FIELD = SOURCE       where a field of the entity comes from (below)
 *   FIELD.CODE = VALUE   value map: CODE in the file means VALUE; an empty VALUE means nothing
 *   FIELD.* = VALUE      any code that is not listed; without this line it is taken as it is
 *   FIELD. = VALUE       for an empty (or null) field: a default
 *
 *   [codes FIELD]        value map for that field in every section: CODE = VALUE, and `*`; lines of
 *                        the section itself go first
 *
 *   [product CODE]       a product that the bank may not have yet, as in catalogue.ini; it is added
 *                        with the batch. A product that the bank has is left as the bank has it.
 *   [product *]          what every [product CODE] has that does not say otherwise
 *
 * SOURCE of a text, a code, a number, an amount:  TERM [ + TERM ...] [as FORM]
 *   TERM   COLUMN            the column of that name; `COLUMN` in backquotes where the name holds
 *                            one of the separators, or looks like another term
 *          #N                the N-th column, from 1
 *          'text'            a constant
 *          line()            number of the row in its file, from 1
 *          file()            the file's name without folder and ending
 *          hash(TERM, ...)   32 hexadecimal digits of SHA-256 over the terms (alone, without +)
 *   FORM   of an amount: yuan (at most two decimals), fen, yuan-rounded (any decimals, half even),
 *          yuan-a-year (the same, and a twelfth of it)
 *          of show_probability, control_share, random_share, share, rate: one (0 to 1, the
 *          default), percent, ppm
 *
 * MOMENT (at, known_at, opened, closed ...) and DAY (birth, joined, left):
 *          [day of] BASE [+ N days | hours | minutes | months]      also with -
 *   BASE   TERM [ + TERM ...] [as FORM]     such as TXN_DATE + TXN_TIME as YYYYMMDDHHMMSS
 *          '2026-01-31'                     a constant; or '2026-01-31 10:00:00', bank's time
 *          at                               the row's own `at` (in `at` itself a column of that
 *                                           name; of a contract: of its opening or closing)
 *          file date                        from the braces in `files`
 *          import                           the time of this import
 *   `day of` cuts to the beginning of the bank's day: `known_at = day of at + 1 days` is the
 *   midnight after the fact, when a nightly dump knows it.
 *   FORM   a text of codec/field.h: YYYY-MM-DD, YYYYMMDD, YYYY/MM/DD, DD-MM-YYYY, YYYY,
 *          epoch-seconds, epoch-ms, YYYY-MM-DD HH:MM:SS, YYYYMMDDHHMMSS; or
 *          YYYY-MM, YYYYMM       the first of the month
 *          ISO-8601              2026-01-31T10:00:00.123+08:00; T or blank; fraction and zone may
 *                                be missing
 *          month-from-YYYY-MM    English names of months, rows in order of time: the year goes on
 *                                by one when the name goes back; no row before that month
 *          age                   of `birth` only: whole years at the row's `at`
 *
 * Fields by entity; ! must be there and must not be empty, the others may be empty.
 *   customer   customer! at! known_at! name birth joined gender has_phone branch occupation
 *              education marital income (a month)
 *              A row that repeats what the customer's last row said is no new version.
 *   event      customer! at! known_at! kind! product amount sign balance channel merchant quantity
 *              sequence
 *              kind, channel, merchant are the texts of bank/types.h ("transfer_in"). An amount is
 *              signed from the customer's side; `sign` is + or - and replaces the amount's own.
 *              sequence: a number below 2^32 that tells events of one customer at one moment apart,
 *              such as a serial number of the day: a second row with the same one is a duplicate.
 *              Without it the event's content takes its place: rows that agree in everything are
 *              one event, a close goes before an open. `sequence = auto` says that such rows are
 *              different events, numbered as they come; then no row may come in a second file.
 *   event_change  customer! at! sequence! known_at! is_deleted kind product amount sign balance
 *              channel merchant quantity
 *              What the bank learned later of an event that came with a `sequence`, named by
 *              customer, at and sequence: that it had not been at all (is_deleted), or else what it
 *              really was, in full, as in `event` (kind!). Until known_at the event counts as it
 *              came; a later change goes before an earlier one. A change whose event neither the
 *              bank nor the batch has is rejected.
 *   contract   customer! product! opened! known_at! closed amount channel
 *              An open event at `opened`, and a close event at `closed` where it is not empty.
 *   holding    customer! at! known_at! held! channel      wide: an open event for each product held
 *   snapshot   customer! at! known_at! and held! (wide) or product! (long: a row for each product
 *              held); first_at
 *              Each snapshot is compared with what the customer held before it (the last one, or
 *              the bank's state): open and close events at its `at`. first_at dates the openings
 *              found in the first snapshot of a customer of whom no holding is known (default: at).
 *              A snapshot that is not later than the customer's last opening or closing in the bank
 *              is rejected. Events and contracts of the same batch are not looked at.
 *   risk       customer! at! known_at! level! (C1 to C5, or 1 to 5) expires (default: 12 months on)
 *   exposure   customer! at! known_at! product! campaign channel answer answer_known_at
 *              show_probability is_random is_control
 *   consent    customer! at! known_at! is_granted! channel (empty: personalisation as such)
 *   product    code! and the names of catalogue.ini, each with a !. Read before all other files.
 *   product_terms  product! at! known_at! minimum! rate! term! (days)
 *              What a product offered from `at` on; a correction is a row with the same `at` and a
 *              later known_at.
 *   institution code! name at known_at
 *   branch     code! name institution parent region opened closed at known_at
 *   staff      code! at! known_at! name role branch joined left
 *   campaign   code! name product channel starts ends control_share random_share at known_at
 *   account    customer! code! at! known_at! product branch opened closed
 *   assignment customer! staff! at! known_at! until      staff is the code of table staff
 *   placement  code! name channel at known_at
 *   experiment code! name hypothesis metric starts ends seed! at known_at
 *   experiment_arm  experiment! arm! share! is_control!
 *   do_not_contact  customer! at! known_at! channel (empty: every channel) until until_known_at
 *              reason
 *              A row that comes again with an `until` ends it; the end counts from until_known_at
 *              on (default: that row's known_at).
 *   complaint  customer! code! (case number) at! known_at! subject product closed closed_known_at
 *              As above; closed_known_at (default: known_at) must not lie before `closed`.
 *   label      customer! name! at! known_at! layer value until source
 *   legal_hold customer! at! known_at! until reason
 *   task       code! customer! activity! at! known_at! staff due note done outcome
 *
 *   held = COLUMN ...       blank-separated names of columns, `*` and `?` as in a shell; a number
 *                           above 0 or a text of `yes` means held; 0, empty or `no` not held. The
 *                           part in parentheses, or else the whole name, is the product's code:
 *                           ind_(*)_ult1
 *   held.COLUMN = CODE      another code for one column
 *   unheld = closed | unknown   snapshot, wide: what "not held" says; default closed
 *   absent = closed | unknown   snapshot: what a customer's absence from a snapshot says, which is
 *                           all rows of a section with one `at`; default closed when long, unknown
 *                           when wide
 *
 * Ownership: a mapping owns all its texts and is read-only once parsed.
 * Errors:    LX_ERR_BAD_INPUT, `file:line: what is wrong`, with the nearest name that exists.
 * Threads:   read-only once parsed; safe everywhere.
 */

#include "bank/catalogue.h"
#include "base/arena.h"
#include "base/dictionary.h"
#include "codec/csv.h"
#include "codec/field.h"
#include "codec/ini.h"

/* In the order in which an import works through them: a fact comes after what it names.
 *   name  text  fields (! required) */
#define MAPPING_ENTITY_MAP(X)                                                                      \
    X(PRODUCT, "product",                                                                          \
      "code! zh! en! features_zh! features_en! category! risk! minimum_yuan! rate_percent! "       \
      "term_days! age_min! age_max! channels! green! status! launched!")                           \
    X(PRODUCT_TERMS, "product_terms", "product! at! known_at! minimum! rate! term!")               \
    X(INSTITUTION, "institution", "code! name at known_at")                                        \
    X(BRANCH, "branch", "code! name institution parent region opened closed at known_at")          \
    X(STAFF, "staff", "code! name role branch joined left at! known_at!")                          \
    X(CAMPAIGN, "campaign",                                                                        \
      "code! name product channel starts ends control_share random_share at known_at")             \
    X(PLACEMENT, "placement", "code! name channel at known_at")                                    \
    X(EXPERIMENT, "experiment", "code! name hypothesis metric starts ends seed! at known_at")      \
    X(EXPERIMENT_ARM, "experiment_arm", "experiment! arm! share! is_control!")                     \
    X(CUSTOMER, "customer",                                                                        \
      "customer! at! known_at! name birth joined gender has_phone branch occupation education "    \
      "marital income")                                                                            \
    X(ACCOUNT, "account", "customer! code! product branch opened closed at! known_at!")            \
    X(ASSIGNMENT, "assignment", "customer! staff! at! known_at! until")                            \
    X(RISK, "risk", "customer! at! known_at! level! expires")                                      \
    X(CONSENT, "consent", "customer! at! known_at! is_granted! channel")                           \
    X(DO_NOT_CONTACT, "do_not_contact",                                                            \
      "customer! at! known_at! channel until until_known_at reason")                               \
    X(COMPLAINT, "complaint",                                                                      \
      "customer! code! at! known_at! subject product closed closed_known_at")                      \
    X(LABEL, "label", "customer! name! at! known_at! layer value until source")                    \
    X(LEGAL_HOLD, "legal_hold", "customer! at! known_at! until reason")                            \
    X(TASK, "task", "code! customer! activity! at! known_at! staff due note done outcome")         \
    X(CONTRACT, "contract", "customer! product! opened! known_at! closed amount channel")          \
    X(HOLDING, "holding", "customer! at! known_at! held! channel")                                 \
    X(SNAPSHOT, "snapshot", "customer! at! known_at! held product first_at")                       \
    X(EVENT, "event",                                                                              \
      "customer! at! known_at! kind! product amount sign balance channel merchant quantity "       \
      "sequence")                                                                                  \
    X(EVENT_CHANGE, "event_change",                                                                \
      "customer! at! sequence! known_at! is_deleted kind product amount sign balance channel "     \
      "merchant quantity")                                                                         \
    X(EXPOSURE, "exposure",                                                                        \
      "customer! at! known_at! product! campaign channel answer answer_known_at "                  \
      "show_probability is_random is_control")

enum mapping_entity {
#define X(name, text, fields) MAPPING_ENTITY_##name,
    MAPPING_ENTITY_MAP(X)
#undef X
        MAPPING_ENTITY_COUNT
};

const char *mapping_entity_text(enum mapping_entity entity);

/* What a field's text must be; the same name has the same type in every entity. */
enum mapping_type {
    MAPPING_TEXT, /* taken as it is */
    MAPPING_ID,   /* a text of at most LX_ID_MAX bytes */
    MAPPING_MOMENT,
    MAPPING_DAY,
    MAPPING_AMOUNT,
    MAPPING_COUNT,    /* 0 to 2^31 - 1 */
    MAPPING_SEQUENCE, /* 0 to 2^32 - 1 */
    MAPPING_SHARE,    /* a probability, a share, a rate */
    MAPPING_BOOL,
    MAPPING_SIGN,  /* + or - */
    MAPPING_LEVEL, /* C1 to C5, 1 to 5 */
    MAPPING_KIND,
    MAPPING_CHANNEL,
    MAPPING_ANSWER,
    MAPPING_GENDER,
    MAPPING_MERCHANT,
    MAPPING_PRODUCT_CODE,
    MAPPING_HELD, /* not a source but a list of columns */
};

#define MAPPING_FIELD_MAP(X)                                                                       \
    X(CUSTOMER, "customer", ID)                                                                    \
    X(AT, "at", MOMENT)                                                                            \
    X(KNOWN_AT, "known_at", MOMENT)                                                                \
    X(NAME, "name", TEXT)                                                                          \
    X(BIRTH, "birth", DAY)                                                                         \
    X(JOINED, "joined", DAY)                                                                       \
    X(GENDER, "gender", GENDER)                                                                    \
    X(HAS_PHONE, "has_phone", BOOL)                                                                \
    X(BRANCH, "branch", TEXT)                                                                      \
    X(OCCUPATION, "occupation", TEXT)                                                              \
    X(EDUCATION, "education", TEXT)                                                                \
    X(MARITAL, "marital", TEXT)                                                                    \
    X(INCOME, "income", AMOUNT)                                                                    \
    X(KIND, "kind", KIND)                                                                          \
    X(PRODUCT, "product", PRODUCT_CODE)                                                            \
    X(AMOUNT, "amount", AMOUNT)                                                                    \
    X(SIGN, "sign", SIGN)                                                                          \
    X(BALANCE, "balance", AMOUNT)                                                                  \
    X(CHANNEL, "channel", CHANNEL)                                                                 \
    X(MERCHANT, "merchant", MERCHANT)                                                              \
    X(QUANTITY, "quantity", COUNT)                                                                 \
    X(SEQUENCE, "sequence", SEQUENCE)                                                              \
    X(IS_DELETED, "is_deleted", BOOL)                                                              \
    X(OPENED, "opened", MOMENT)                                                                    \
    X(CLOSED, "closed", MOMENT)                                                                    \
    X(FIRST_AT, "first_at", MOMENT)                                                                \
    X(HELD, "held", HELD)                                                                          \
    X(LEVEL, "level", LEVEL)                                                                       \
    X(EXPIRES, "expires", MOMENT)                                                                  \
    X(CAMPAIGN, "campaign", TEXT)                                                                  \
    X(ANSWER, "answer", ANSWER)                                                                    \
    X(ANSWER_KNOWN_AT, "answer_known_at", MOMENT)                                                  \
    X(SHOW_PROBABILITY, "show_probability", SHARE)                                                 \
    X(IS_RANDOM, "is_random", BOOL)                                                                \
    X(IS_CONTROL, "is_control", BOOL)                                                              \
    X(IS_GRANTED, "is_granted", BOOL)                                                              \
    X(STAFF, "staff", TEXT)                                                                        \
    X(CODE, "code", TEXT)                                                                          \
    X(INSTITUTION, "institution", TEXT)                                                            \
    X(PARENT, "parent", TEXT)                                                                      \
    X(REGION, "region", TEXT)                                                                      \
    X(ROLE, "role", TEXT)                                                                          \
    X(LEFT, "left", DAY)                                                                           \
    X(STARTS, "starts", MOMENT)                                                                    \
    X(ENDS, "ends", MOMENT)                                                                        \
    X(UNTIL, "until", MOMENT)                                                                      \
    X(UNTIL_KNOWN_AT, "until_known_at", MOMENT)                                                    \
    X(CLOSED_KNOWN_AT, "closed_known_at", MOMENT)                                                  \
    X(DUE, "due", MOMENT)                                                                          \
    X(DONE, "done", MOMENT)                                                                        \
    X(REASON, "reason", TEXT)                                                                      \
    X(SUBJECT, "subject", TEXT)                                                                    \
    X(LAYER, "layer", TEXT)                                                                        \
    X(VALUE, "value", TEXT)                                                                        \
    X(SOURCE, "source", TEXT)                                                                      \
    X(ACTIVITY, "activity", TEXT)                                                                  \
    X(NOTE, "note", TEXT)                                                                          \
    X(OUTCOME, "outcome", TEXT)                                                                    \
    X(HYPOTHESIS, "hypothesis", TEXT)                                                              \
    X(METRIC, "metric", TEXT)                                                                      \
    X(SEED, "seed", SEQUENCE)                                                                      \
    X(EXPERIMENT, "experiment", TEXT)                                                              \
    X(ARM, "arm", TEXT)                                                                            \
    X(SHARE, "share", SHARE)                                                                       \
    X(MINIMUM, "minimum", AMOUNT)                                                                  \
    X(RATE, "rate", SHARE)                                                                         \
    X(TERM, "term", COUNT)                                                                         \
    X(CONTROL_SHARE, "control_share", SHARE)                                                       \
    X(RANDOM_SHARE, "random_share", SHARE)                                                         \
    X(ZH, "zh", TEXT)                                                                              \
    X(EN, "en", TEXT)                                                                              \
    X(FEATURES_ZH, "features_zh", TEXT)                                                            \
    X(FEATURES_EN, "features_en", TEXT)                                                            \
    X(CATEGORY, "category", TEXT)                                                                  \
    X(RISK, "risk", TEXT)                                                                          \
    X(MINIMUM_YUAN, "minimum_yuan", TEXT)                                                          \
    X(RATE_PERCENT, "rate_percent", TEXT)                                                          \
    X(TERM_DAYS, "term_days", TEXT)                                                                \
    X(AGE_MIN, "age_min", TEXT)                                                                    \
    X(AGE_MAX, "age_max", TEXT)                                                                    \
    X(CHANNELS, "channels", TEXT)                                                                  \
    X(GREEN, "green", TEXT)                                                                        \
    X(STATUS, "status", TEXT)                                                                      \
    X(LAUNCHED, "launched", TEXT)

enum mapping_field_id {
#define X(name, text, type) MAPPING_FIELD_##name,
    MAPPING_FIELD_MAP(X)
#undef X
        MAPPING_FIELD_COUNT
};

const char *mapping_field_text(enum mapping_field_id id);
enum mapping_type mapping_field_type(enum mapping_field_id id);

enum mapping_term_kind {
    MAPPING_TERM_COLUMN,   /* text */
    MAPPING_TERM_POSITION, /* position */
    MAPPING_TERM_CONSTANT, /* text */
    MAPPING_TERM_LINE,
    MAPPING_TERM_FILE,
};

struct mapping_term {
    enum mapping_term_kind kind;
    const char *text;
    uint32_t position; /* from 0 */
};

/* A list of codes with the line on which each stands. */
struct mapping_codes {
    struct lx_dictionary codes;
    const char **values; /* by the code's number; "" means nothing */
    int *lines;
    size_t capacity;           /* of both */
    const char *other, *empty; /* NULL: not said */
    int other_line, empty_line;
};

enum mapping_form {
    MAPPING_FORM_NONE,
    MAPPING_FORM_DATE, /* field.h's, in `date_form` */
    MAPPING_FORM_MONTH,
    MAPPING_FORM_COMPACT_MONTH,
    MAPPING_FORM_ISO_8601,
    MAPPING_FORM_MONTH_FROM, /* `first_month` is the first day of the month named */
    MAPPING_FORM_AGE,
    MAPPING_FORM_YUAN,
    MAPPING_FORM_FEN,
    MAPPING_FORM_YUAN_ROUNDED,
    MAPPING_FORM_YUAN_A_YEAR,
    MAPPING_FORM_ONE,
    MAPPING_FORM_PERCENT,
    MAPPING_FORM_PPM,
};

enum mapping_base {
    MAPPING_BASE_SOURCE, /* the field's own terms, in its form */
    MAPPING_BASE_CONSTANT,
    MAPPING_BASE_AT,
    MAPPING_BASE_FILE_DATE,
    MAPPING_BASE_IMPORT,
    MAPPING_BASE_AUTO, /* of `sequence` only */
};

enum mapping_unit { MAPPING_DAYS, MAPPING_HOURS, MAPPING_MINUTES, MAPPING_MONTHS };

struct mapping_field {
    enum mapping_field_id id;
    int line;
    struct mapping_term *terms;
    size_t term_count;
    bool is_hash;
    enum mapping_form form;
    enum field_date_form date_form;
    int32_t first_month;
    /* Moments and days. */
    enum mapping_base base;
    int64_t constant_ms; /* as if the bank's time were UTC */
    bool is_day_of;
    int32_t offset;
    enum mapping_unit unit;
    struct mapping_codes codes;
};

struct mapping_filter {
    struct mapping_term term;
    bool is_except;
    struct lx_dictionary values;
    int line;
};

struct mapping_texts {
    const char **texts;
    size_t count, capacity;
    int line;
};

enum { MAPPING_FILTERS_MAX = 2 }; /* `only` and `except` */

struct mapping_file {
    const char *name;
    int line;
    enum mapping_entity entity;
    struct mapping_texts patterns, columns, trailer, held;
    struct csv_format format;
    bool has_header, has_unheld, is_unheld_unknown, has_absent, is_absent_closed;
    struct lx_dictionary nulls, yes, no; /* texts */
    struct mapping_filter filters[MAPPING_FILTERS_MAX];
    size_t filter_count;
    struct mapping_field *fields; /* by id: the row's `at` before what is counted from it */
    size_t field_count;
    struct mapping_codes held_codes; /* column -> product code */
};

struct mapping {
    const char *name, *about;
    struct mapping_file *files; /* in the order of entities, then of the file */
    size_t file_count, file_capacity;
    struct ini ini;
    struct lx_arena texts;
    struct bank_catalogue *products; /* one of one product each, in the order of the file */
    size_t product_count, product_capacity;
};

/* `file` is named in messages, its last part without `.ini` is the mapping's name. */
LX_MUST_USE enum lx_err mapping_parse(const char *file, const char *bytes, size_t length,
                                      struct mapping *ret_mapping, struct lx_error *err);
void mapping_release(struct mapping *mapping);

/* The field's place in the section, or NULL. */
const struct mapping_field *mapping_field(const struct mapping_file *file,
                                          enum mapping_field_id id);

/* True if the name fits the pattern; *ret_day is the date in braces, INT32_MIN without braces. */
bool mapping_match(const char *pattern, const char *name, int32_t *ret_day);

/* A column's name against a pattern of `held`; *ret_start and *ret_length are the code's place in
 * the name: what stands in parentheses, or all of it. */
bool mapping_match_column(const char *pattern, const char *name, size_t *ret_start,
                          size_t *ret_length);

/* The nearest of `names` within a third of its length, or NULL: for "did you mean". */
const char *mapping_nearest(const char *name, const char *const *names, size_t count);

#endif
