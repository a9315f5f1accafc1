/*
 * Goal:   a mapping file is read as its header says, and whatever is wrong with it is refused with
 *         its line, the thing and what would be right.
 * Method: tables of small mappings beside what they mean or the error that they give; the shipped
 *         ones and the manual's examples must all parse; damaged copies of them, and a failing
 *         allocation at every place, must not crash.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "host/file.h"
#include "ingest/mapping.h"
#include "ingest/mapping_value.h"

#define HEAD                                                                                       \
    "[file f]\nentity = event\nfiles = f.csv\n"                                                    \
    "customer = id\nat = day\nknown_at = at\nkind = 'login'\n"

static enum lx_err parse(const char *text, struct mapping *mapping, struct lx_error *err)
{
    *err = (struct lx_error){0};
    return mapping_parse("maps/test.ini", text, strlen(text), mapping, err);
}

static void parse_well(const char *text, struct mapping *mapping)
{
    struct lx_error err;
    if (parse(text, mapping, &err) != LX_OK) fail_msg("%s", err.text);
}

static const struct {
    const char *text, *error;
} mistakes[] = {
    /* clang-format off */
    {"",                                        "test.ini:1: no [file NAME] section"},
    {"[mapping]\nabout = x\n",                  "test.ini:1: no [file NAME] section"},
    {"[fils x]\na = b\n",                       "test.ini:2: [fils x]: no such section"},
    {"[mapping]\nnul = x\n",                    "test.ini:2: [mapping] has no `nul`; did you mean `null`?"},
    {"[file f]\nfiles = a\n",                   "[file f] has no `entity`"},
    {"[file f]\nentity = evnet\n",              "test.ini:2: entity = evnet: no such entity; did you mean `event`?"},
    {"[file f]\nentity = event\n",              "[file f] has no `files`"},
    {"[file f]\nentity = event\nfiles = a/b\n", "test.ini:3: a/b: a name in the source folder, without /"},
    {"[file f]\nentity = event\nfiles = {YY}\n","test.ini:3: {YY}: braces hold one of YYYYMMDD"},
    {"[file f]\nentity = event\nfiles = {YYYYMM}{YYYYMM}\n", "braces hold one of"},
    {"[file f]\nentity = event\nfiles = a\n",   "[file f] (event) says nothing about `customer`"},
    {HEAD "amuont = x\n",                       "test.ini:8: event has no field `amuont`; did you mean `amount`?"},
    {HEAD "birth = x\n",                        "test.ini:8: event has no field `birth`"},
    {HEAD "amount =\n",                         "test.ini:8: nothing after the `=`"},
    {HEAD "amount = a as dollar\n",             "test.ini:8: amount has no form `dollar`"},
    {HEAD "first_at = a\n",                     "event has no field `first_at`"},
    {HEAD "channel = 'boat'\n",                 "test.ini:8: channel = 'boat': unknown code \"boat\""},
    {HEAD "channel = a\nchannel.1 = boat\n",    "test.ini:9: channel: `boat`: unknown code \"boat\""},
    {HEAD "channel = a\nchannel.* = boat\n",    "test.ini:9: channel: `boat`"},
    {HEAD "channel = a\nchannel. = boat\n",     "test.ini:9: channel: `boat`"},
    {HEAD "channel.1 = atm\n",                  "test.ini:8: channel.1: a value map of `channel`, which has no source"},
    {HEAD "known_at.1 = 2020-01-01\n",          "test.ini:8: known_at.1: `known_at` comes from no column"},
    {HEAD "amount = 'x\n",                      "test.ini:8: 'x: a quote that is not closed at the end"},
    {HEAD "amount = #0\n",                      "test.ini:8: #0: a column's number is #1 to #2048"},
    {HEAD "sequence = '-1'\n",                  "sequence = '-1': not between 0 and 4294967295"},
    {HEAD "header = maybe\n",                   "header = maybe: either yes or no"},
    {HEAD "columns = a b\n",                    "columns: the header names them"},
    {HEAD "encoding = latin1\n",                "encoding = latin1: utf-8 or gb18030"},
    {HEAD "delimiter = 123456789\n",            "delimiter: 1 to 8 characters"},
    {HEAD "delimiter = \"\n",                   "delimiter: only ASCII, and not the quote"},
    {HEAD "quote = back\n",                     "quote = back: double, single or none"},
    {HEAD "only = a\n",                         "only: not of the form COLUMN in a, b"},
    {HEAD "only = 'a' in b\n",                  "only: `'a'` is no column"},
    {HEAD "dates = YYYY-DD-MM\n",               "YYYY-DD-MM: no such date form; did you mean `YYYY-MM`?"},
    {HEAD "held = a\n",                         "`held` belongs to holding and snapshot"},
    {HEAD "absent = closed\n",                  "`absent` belongs to snapshot"},
    {HEAD "answer = x\n",                       "event has no field `answer`"},
    {HEAD "[codes chanel]\n1 = atm\n",          "[codes chanel]: no such field; did you mean `channel`?"},
    {"[file f]\nentity = event\nfiles = f\ncustomer = id\nat = file date\nknown_at = at\nkind = k\n",
                                                "test.ini:5: at = file date: `files` has a pattern without {YYYYMMDD}"},
    {"[file f]\nentity = event\nfiles = f\ncustomer = id\nat = '2026-02-30'\nknown_at = at\nkind = k\n",
                                                "test.ini:5: '2026-02-30': day 30 of month 2 in 2026"},
    {"[file f]\nentity = event\nfiles = f\ncustomer = id\nat = d as month-from-2026-13\nknown_at = at\nkind = k\n",
                                                "month-from-2026-13: not of the form month-from-YYYY-MM"},
    {"[file f]\nentity = snapshot\nfiles = f\ncustomer = id\nat = d\nknown_at = at\n",
                                                "needs either `held` (wide) or `product` (long)"},
    {"[file f]\nentity = snapshot\nfiles = f\ncustomer = id\nat = d\nknown_at = at\nproduct = p\nunheld = unknown\n",
                                                "`unheld` belongs to a snapshot with `held`"},
    {"[file f]\nentity = contract\nfiles = f\ncustomer = id\nproduct = p\nopened = at\nknown_at = at\n",
                                                "opened: this section has no `at`"},
    {HEAD "[product A]\nzh = x\n",              "product A: has no en"},
    {HEAD "[product A]\nzh = x\nrisk = R9\n",   "test.ini:10: product A: risk \"R9\": is none of R1 to R5"},
    {HEAD "[product *]\nrisk = R9\n[product A]\nzh = x\n",
                                                "test.ini:9: product A: risk \"R9\": is none of R1 to R5"},
    {HEAD "amount = a\namount = b\n",           "already on line 8"},
    {HEAD "\x01\xff = a\n",                     "test.ini:8: bytes that are not UTF-8"},
    /* clang-format on */
};

static void test_mistakes_are_refused_with_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(mistakes); i++) {
        struct mapping mapping = {0};
        struct lx_error err;
        enum lx_err code = parse(mistakes[i].text, &mapping, &err);
        if (code == LX_OK) mapping_release(&mapping);
        if (code != LX_ERR_BAD_INPUT || strstr(err.text, mistakes[i].error) == NULL)
            fail_msg("row %zu: code %d, \"%s\", expected \"%s\"", i, code, err.text,
                     mistakes[i].error);
    }
}

/* A field's source in one line, as the parser understood it. */
static void print_field(const struct mapping_field *field, struct lx_buffer *out)
{
    static const char *const kinds[] = {"column", "position", "constant", "line", "file"};
    static const char *const bases[] = {"source", "constant", "at", "file date", "import", "auto"};
    static const char *const units[] = {"days", "hours", "minutes", "months"};
    lx_buffer_printf(out, "%s%s", bases[field->base], field->is_hash ? " hash" : "");
    for (size_t i = 0; i < field->term_count; i++) {
        lx_buffer_printf(out, " %s", kinds[field->terms[i].kind]);
        if (field->terms[i].kind == MAPPING_TERM_POSITION)
            lx_buffer_printf(out, " %u", field->terms[i].position);
        if (field->terms[i].text != NULL && field->terms[i].kind != MAPPING_TERM_LINE &&
            field->terms[i].kind != MAPPING_TERM_FILE)
            lx_buffer_printf(out, "[%s]", field->terms[i].text);
    }
    lx_buffer_printf(out, " form %d", field->form);
    if (field->is_day_of) lx_buffer_append_text(out, " day of");
    if (field->offset != 0) lx_buffer_printf(out, " %+d %s", field->offset, units[field->unit]);
}

static void test_sources_mean_what_they_say(void **state)
{
    (void)state;
    enum { D = MAPPING_FORM_DATE, Y = MAPPING_FORM_YUAN };
    static const struct {
        const char *field, *source, *meaning;
        int form;
    } rows[] = {
        /* clang-format off */
        {"customer", "id",                    "source column[id]", 0},
        {"customer", "`a + b`",               "source column[a + b]", 0},
        {"customer", "a b",                   "source column[a b]", 0},
        {"customer", "#3",                    "source position 2", 0},
        {"customer", "'C' + #1 + line()",     "source constant[C] position 0 line", 0},
        {"customer", "file() + '-' + x",      "source file constant[-] column[x]", 0},
        {"customer", "hash(a, `b, c`, #2)",   "source hash column[a] column[b, c] position 1", 0},
        {"customer", "客户号",                "source column[客户号]", 0},
        {"amount",   "amt",                   "source column[amt]", Y},
        {"amount",   "amt as fen",            "source column[amt]", MAPPING_FORM_FEN},
        {"amount",   "`x as y` as fen",       "source column[x as y]", MAPPING_FORM_FEN},
        {"at",       "day",                   "source column[day]", D},
        {"at",       "at",                    "source column[at]", D},
        {"known_at", "at",                    "at", D},
        {"known_at", "`at`",                  "source column[at]", D},
        {"known_at", "at + 1 days",           "at", D},
        {"known_at", "day of at + 1 day",     "at", D},
        {"known_at", "a - 3 months",          "source column[a]", D},
        {"known_at", "a - b",                 "source column[a - b]", D},
        {"known_at", "a + b",                 "source column[a] column[b]", D},
        {"known_at", "a + b as YYYYMM - 90 minutes", "source column[a] column[b]", MAPPING_FORM_COMPACT_MONTH},
        {"known_at", "import",                "import", D},
        {"known_at", "'2026-01-31'",          "constant", D},
        {"known_at", "'2026-01-31 10:11:12'", "constant", D},
        {"known_at", "'20260131' as YYYYMMDD","source constant[20260131]", D},
        {"sequence", "auto",                  "auto", 0},
        {"sequence", "`auto`",                "source column[auto]", 0},
        /* clang-format on */
    };
    static const char *const tails[] = {"", " +1 days", " day of +1 days", " -3 months",
                                        " -90 minutes"};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char text[1024], expected[256];
        struct mapping mapping;
        struct lx_buffer out;
        const char *tail = tails[0];
        if (strcmp(rows[i].source, "at + 1 days") == 0) tail = tails[1];
        if (strncmp(rows[i].source, "day of", 6) == 0) tail = tails[2];
        if (strstr(rows[i].source, "- 3 months") != NULL) tail = tails[3];
        if (strstr(rows[i].source, "- 90 minutes") != NULL) tail = tails[4];
        snprintf(text, sizeof text,
                 "[file f]\nentity = event\nfiles = f.csv\nkind = k\n%s%s%s%s = %s\n",
                 strcmp(rows[i].field, "customer") == 0 ? "" : "customer = id\n",
                 strcmp(rows[i].field, "at") == 0 ? "" : "at = day\n",
                 strcmp(rows[i].field, "known_at") == 0 ? "" : "known_at = at\n", rows[i].field,
                 rows[i].source);
        parse_well(text, &mapping);
        lx_buffer_init(&out, 1 << 16);
        for (size_t j = 0; j < mapping.files[0].field_count; j++)
            if (strcmp(mapping_field_text(mapping.files[0].fields[j].id), rows[i].field) == 0)
                print_field(&mapping.files[0].fields[j], &out);
        snprintf(expected, sizeof expected, "%s form %d%s", rows[i].meaning, rows[i].form, tail);
        print_message("%s = %s\n", rows[i].field, rows[i].source);
        assert_string_equal(lx_buffer_text(&out), expected);
        lx_buffer_release(&out);
        mapping_release(&mapping);
    }
}

static const char *code_value(const struct mapping_file *file, enum mapping_field_id id,
                              const char *code)
{
    const struct mapping_codes *codes = &mapping_field(file, id)->codes;
    int64_t number = lx_dictionary_find(&codes->codes, code, strlen(code));
    return number < 0 ? NULL : codes->values[number];
}

static void test_a_section_goes_before_what_holds_for_all(void **state)
{
    (void)state;
    struct mapping mapping;
    parse_well("[codes channel]\n1 = counter\n2 = atm\n* = web\n"
               "[file e]\nentity = event\nfiles = e.csv\ncustomer = id\nat = d\nkind = 'login'\n"
               "channel = c\nchannel.2 = mobile\ndelimiter = |!|\nnull = -\n"
               "known_at = import\n"
               "[file c]\nentity = consent\nfiles = c.csv\ncustomer = id\nat = d\n"
               "is_granted = g\nchannel = c\nyes = ja\n"
               "[mapping]\ndelimiter = tab\nquote = none\nencoding = gb18030\nnull = NULL, 'a,b'\n"
               "known_at = at + 1 days\ndates = YYYYMMDD\nabout = all in one\n",
               &mapping);
    assert_string_equal(mapping.name, "test");
    assert_string_equal(mapping.about, "all in one");
    assert_int_equal(mapping.file_count, 2);
    const struct mapping_file *consent = &mapping.files[0], *event = &mapping.files[1];
    assert_int_equal(consent->entity, MAPPING_ENTITY_CONSENT); /* before the events */
    assert_string_equal(event->format.delimiter, "|!|");
    assert_string_equal(consent->format.delimiter, "\t");
    assert_int_equal(event->format.quote, 0);
    assert_int_equal(event->format.encoding, CSV_GB18030);
    assert_int_equal(lx_dictionary_find(&consent->nulls, "a,b", 3), 1);
    assert_int_equal(lx_dictionary_find(&event->nulls, "NULL", 4), -1);
    assert_int_equal(lx_dictionary_find(&consent->yes, "ja", 2), 0);
    assert_int_equal(lx_dictionary_find(&event->yes, "yes", 3) >= 0, 1);
    assert_string_equal(code_value(event, MAPPING_FIELD_CHANNEL, "1"), "counter");
    assert_string_equal(code_value(event, MAPPING_FIELD_CHANNEL, "2"), "mobile");
    assert_string_equal(code_value(consent, MAPPING_FIELD_CHANNEL, "2"), "atm");
    assert_string_equal(mapping_field(event, MAPPING_FIELD_CHANNEL)->codes.other, "web");
    assert_int_equal(mapping_field(event, MAPPING_FIELD_KNOWN_AT)->base, MAPPING_BASE_IMPORT);
    assert_int_equal(mapping_field(consent, MAPPING_FIELD_KNOWN_AT)->base, MAPPING_BASE_AT);
    assert_int_equal(mapping_field(consent, MAPPING_FIELD_AT)->date_form, FIELD_DATE_COMPACT);
    mapping_release(&mapping);
}

static void test_product_sections_take_what_holds_for_all_products(void **state)
{
    (void)state;
    struct mapping mapping;
    parse_well(HEAD "[product B2]\nzh = 乙\nen = B\nrisk = R5\n"
                    "[product *]\nfeatures_zh = 甲\nfeatures_en = f\ncategory = wealth\nrisk = R2\n"
                    "minimum_yuan = 1.5\nrate_percent = 2.5\nterm_days = 7\nage_min = 18\n"
                    "age_max = 99\nchannels = web\n    mobile\ngreen = 1\nstatus = on_sale\n"
                    "launched = 2020-01-01\n"
                    "[product A1]\nzh = 甲\nen = A\n",
               &mapping);
    assert_int_equal(mapping.product_count, 2);
    const struct bank_product *b = &mapping.products[0].products[0];
    const struct bank_product *a = &mapping.products[1].products[0];
    assert_string_equal(b->code, "B2");
    assert_int_equal(b->risk, 5);
    assert_string_equal(a->code, "A1");
    assert_string_equal(a->en, "A");
    assert_int_equal(a->risk, 2);
    assert_int_equal(a->minimum_fen, 150);
    assert_int_equal(a->channels, 1u << BANK_CHANNEL_WEB | 1u << BANK_CHANNEL_MOBILE);
    mapping_release(&mapping);
}

static void test_patterns_match_names_and_find_dates(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool is_match;
        const char *day; /* NULL: none */
    } rows[] = {
        /* clang-format off */
        {"a.csv",            "a.csv",             true,  NULL},
        {"a.csv",            "b.csv",             false, NULL},
        {"a.csv",            "a.csvx",            false, NULL},
        {"a*",               "a",                 true,  NULL},
        {"*",                "",                  true,  NULL},
        {"?",                "",                  false, NULL},
        {"a?c*e",            "abcdde",            true,  NULL},
        {"*a*b*c",           "xaybzc",            true,  NULL},
        {"*a*b*c",           "xaybz",             false, NULL},
        {"t_{YYYYMM}.dat",   "t_202602.dat",      true,  "2026-02-28"},
        {"t_{YYYYMM}.dat",   "t_202402.dat",      true,  "2024-02-29"},
        {"t_{YYYYMM}.dat",   "t_202613.dat",      false, NULL},
        {"t_{YYYYMM}.dat",   "t_20260.dat",       false, NULL},
        {"t_{YYYYMM}.dat",   "t_2026011.dat",     false, NULL},
        {"t_{YYYY-MM}*",     "t_2026-01.dat",     true,  "2026-01-31"},
        {"{YYYYMMDD}",       "20260131",          true,  "2026-01-31"},
        {"{YYYYMMDD}",       "20260230",          false, NULL},
        {"{YYYY-MM-DD}.csv", "2026-01-31.csv",    true,  "2026-01-31"},
        {"{YYYY-MM-DD}.csv", "2026_01_31.csv",    false, NULL},
        {"*_{YYYYMMDD}_*",   "7_x_20260131_9.gz", true,  "2026-01-31"},
        {"*{YYYYMMDD}*",     "1234567820260131",  true,  "2026-01-31"}, /* the first that is a day */
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int32_t day = 0, expected = INT32_MIN;
        bool is_match = mapping_match(rows[i].pattern, rows[i].name, &day);
        if (rows[i].day != NULL) assert_int_equal(lx_day_parse(rows[i].day, 10, &expected), LX_OK);
        if (is_match != rows[i].is_match || (is_match && day != expected))
            fail_msg("%s %s: match %d day %d, expected day %d", rows[i].pattern, rows[i].name,
                     is_match, day, expected);
    }
}

static void test_patterns_of_columns_find_the_code(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name, *code; /* NULL: no match */
    } rows[] = {
        {"P5DA", "P5DA", "P5DA"},
        {"P*", "P5DA", "P5DA"},
        {"ind_(*)_ult1", "ind_ahor_fin_ult1", "ahor_fin"},
        {"ind_(*)_ult1", "ind_ahor_fin_ult1D", NULL},
        {"ind_(*)_ult1", "ind__ult1", NULL},
        {"(*)", "x", "x"},
        {"a(b?)c", "abxc", "bx"},
        {"a(b?)c", "abxxc", NULL},
        {"P5DA", "p5da", NULL},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        size_t start = 0, length = 0;
        bool is_match = mapping_match_column(rows[i].pattern, rows[i].name, &start, &length);
        print_message("%s %s\n", rows[i].pattern, rows[i].name);
        assert_int_equal(is_match, rows[i].code != NULL);
        if (!is_match) continue;
        assert_int_equal(length, strlen(rows[i].code));
        assert_memory_equal(rows[i].name + start, rows[i].code, length);
    }
}

static void test_the_nearest_name_is_offered_only_when_near(void **state)
{
    (void)state;
    static const char *const names[] = {"customer", "amount", "at", "balance", "Customer_No"};
    static const struct {
        const char *name, *nearest;
    } rows[] = {{"custmer", "customer"}, {"AMOUNT", "amount"},          {"amuont", "amount"},
                {"zzz", NULL},           {"balanc", "balance"},         {"a", "at"},
                {"xyzzy_plugh", NULL},   {"customer_no", "Customer_No"}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        const char *nearest = mapping_nearest(rows[i].name, names, LX_COUNT_OF(names));
        print_message("%s -> %s\n", rows[i].name, nearest == NULL ? "-" : nearest);
        if (rows[i].nearest == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest, rows[i].nearest);
    }
}

enum { BAD = -99 };

static const struct {
    const char *source, *text;
    int64_t value; /* BAD: refused */
} values[] = {
    /* clang-format off */
    {"amount = a",                "12.34",                      1234},
    {"amount = a",                "12.345",                     BAD},
    {"amount = a as fen",         "12",                         12},
    {"amount = a as fen",         "12.5",                       BAD},
    {"amount = a as yuan-rounded","168514.11000000002",         16851411},
    {"amount = a as yuan-rounded","0.125",                      12},
    {"amount = a as yuan-rounded","0.135",                      14},
    {"amount = a as yuan-rounded","0.1251",                     13},
    {"amount = a as yuan-rounded","-0.1251",                    -13},
    {"amount = a as yuan-rounded","-0.005",                     0},
    {"amount = a as yuan-rounded","-0.0051",                    -1},
    {"amount = a as yuan-rounded","0.12x",                      BAD},
    {"amount = a as yuan-rounded","0.1250x",                    BAD},
    {"amount = a as yuan-rounded","7",                          700},
    {"amount = a as yuan-a-year", "1.2",                        10},
    {"amount = a as yuan-a-year", "0.06",                       0}, /* 0.5 fen: to the even */
    {"amount = a as yuan-a-year", "0.18",                       2}, /* 1.5 */
    {"amount = a as yuan-a-year", "-0.18",                      -2},
    {"quantity = a",              "2147483647",                 2147483647},
    {"quantity = a",              "2147483648",                 BAD},
    {"quantity = a",              "-1",                         BAD},
    {"sequence = a",              "4294967295",                 4294967295},
    {"sign = a",                  "-",                          -1},
    {"sign = a",                  "+",                          1},
    {"sign = a",                  "D",                          BAD},
    {"kind = a",                  "transfer_in",                2},
    {"kind = a",                  "Transfer_in",                BAD},
    {"channel = a",               "mobile",                     3},
    {"merchant = a",              "luxury",                     10},
    {"known_at = a",              "2026-03-01",                 INT64_C(1772323200000) - 28800000},
    {"known_at = a as ISO-8601",  "2026-03-01",                 INT64_C(1772323200000) - 28800000},
    {"known_at = a as ISO-8601",  "2026-03-01T12:00:00Z",       INT64_C(1772366400000)},
    {"known_at = a as ISO-8601",  "2026-03-01 12:00:00.9876+08",INT64_C(1772337600987)},
    {"known_at = a as ISO-8601",  "2026-03-01T12:00:00-0130",   INT64_C(1772371800000)},
    {"known_at = a as ISO-8601",  "2026-03-01T12:00:00",        INT64_C(1772337600000)},
    {"known_at = a as ISO-8601",  "2026-03-01T12:00",           BAD},
    {"known_at = a as ISO-8601",  "2026-03-01T12:00:00.Z",      BAD},
    {"known_at = a as ISO-8601",  "2026-03-01T12:00:00+15",     BAD},
    {"known_at = a as ISO-8601",  "2026-03-01T12:00:00+08:00x", BAD},
    {"known_at = a as YYYY-MM",   "2026-03",                    INT64_C(1772323200000) - 28800000},
    {"known_at = a as YYYY-MM",   "2026-3",                     BAD},
    {"known_at = a as YYYYMM",    "202603",                     INT64_C(1772323200000) - 28800000},
    {"known_at = a as YYYYMM",    "202613",                     BAD},
    {"known_at = a as YYYYMM",    "2026O3",                     BAD},
    /* clang-format on */
};

static void test_values_by_type_and_form(void **state)
{
    (void)state;

    for (size_t i = 0; i < LX_COUNT_OF(values); i++) {
        char text[512], name[32];
        struct mapping mapping;
        struct lx_error err = {0};
        int64_t value = BAD;
        bool is_known = strncmp(values[i].source, "known_at", 8) == 0;
        bool is_kind = strncmp(values[i].source, "kind", 4) == 0;
        snprintf(text, sizeof text,
                 "[file f]\nentity = event\nfiles = f\ncustomer = c\nat = d\n%s%s%s\n",
                 is_known ? "" : "known_at = d\n", is_kind ? "" : "kind = k\n", values[i].source);
        parse_well(text, &mapping);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(values[i].source, " "), values[i].source);
        const struct mapping_file *file = &mapping.files[0];
        for (size_t j = 0; j < file->field_count; j++) {
            if (strcmp(mapping_field_text(file->fields[j].id), name) != 0) continue;
            enum lx_err code = mapping_value(file, &file->fields[j], values[i].text,
                                             strlen(values[i].text), 480, &value, &err);
            if ((code == LX_OK) != (values[i].value != BAD) || value != values[i].value)
                fail_msg("%s of \"%s\": code %d %s, %lld, expected %lld", values[i].source,
                         values[i].text, code, err.text, (long long)value,
                         (long long)values[i].value);
            if (code != LX_OK) assert_true(err.text[0] != '\0');
        }
        mapping_release(&mapping);
    }
}

static const char *const shipped[] = {"synthetic",      "zimnat",   "santander",
                                      "bank_marketing", "coil2000", "open_bandit"};

static void read_shipped(const char *name, char path[1024], struct lx_buffer *text)
{
    const char *root = getenv("LINGXI_ROOT");
    snprintf(path, 1024, "%s/data/mappings/%s.ini", root == NULL ? "." : root, name);
    lx_buffer_init(text, LX_CONFIG_MAX);
    assert_int_equal(host_read_file(path, text, NULL), LX_OK);
}

static void test_every_shipped_mapping_parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(shipped); i++) {
        char path[1024];
        struct lx_buffer text;
        struct mapping mapping;
        struct lx_error err = {0};
        read_shipped(shipped[i], path, &text);
        if (mapping_parse(path, text.bytes, text.length, &mapping, &err) != LX_OK)
            fail_msg("%s", err.text);
        assert_string_equal(mapping.name, shipped[i]);
        assert_true(strlen(mapping.about) > 10);
        mapping_release(&mapping);
        lx_buffer_release(&text);
    }
}

static void read_manual(struct lx_buffer *text)
{
    char path[1024];
    const char *root = getenv("LINGXI_ROOT");
    snprintf(path, sizeof path, "%s/docs/reference/mapping.md", root == NULL ? "." : root);
    lx_buffer_init(text, LX_CONFIG_MAX);
    assert_int_equal(host_read_file(path, text, NULL), LX_OK);
}

static void test_the_manuals_examples_parse(void **state)
{
    (void)state;
    static const char fence[] = "\n```ini\n";
    struct lx_buffer text;
    int count = 0;
    read_manual(&text);
    for (const char *at = strstr(text.bytes, fence); at != NULL; at = strstr(at, fence)) {
        struct mapping mapping;
        struct lx_error err = {0};
        at += strlen(fence);
        const char *end = strstr(at, "\n```\n");
        assert_non_null(end);
        if (mapping_parse("mapping.md", at, (size_t)(end - at) + 1, &mapping, &err) != LX_OK)
            fail_msg("example %d: %s", count, err.text);
        mapping_release(&mapping);
        count++;
    }
    assert_int_equal(count, 4);
    lx_buffer_release(&text);
}

static void test_the_manual_lists_every_entity_with_its_fields(void **state)
{
    (void)state;
    static const char *const fields[] = {
#define X(name, text, fields) fields,
        MAPPING_ENTITY_MAP(X)
#undef X
    };
    struct lx_buffer text;
    read_manual(&text);
    for (int entity = 0; entity < MAPPING_ENTITY_COUNT; entity++) {
        char row[512];
        snprintf(row, sizeof row, "\n| %s | %s |\n",
                 mapping_entity_text((enum mapping_entity)entity), fields[entity]);
        if (strstr(text.bytes, row) == NULL) fail_msg("docs/reference/mapping.md lacks%s", row);
    }
    lx_buffer_release(&text);
}

static void test_a_damaged_mapping_is_refused_or_read_but_never_more(void **state)
{
    (void)state;
    enum { RUNS = 300 };
    for (size_t i = 0; i < LX_COUNT_OF(shipped); i++) {
        char path[1024];
        struct lx_buffer text;
        struct lx_rng rng = lx_rng_of(42, i);
        read_shipped(shipped[i], path, &text);
        for (int run = 0; run < RUNS; run++) {
            struct mapping mapping;
            struct lx_error err = {0};
            char *copy = lx_malloc(text.length);
            memcpy(copy, text.bytes, text.length);
            size_t length = run % 2 == 0 ? text.length : lx_rng_below(&rng, text.length + 1);
            for (int edits = 0; edits < 1 + run % 7; edits++)
                copy[lx_rng_below(&rng, text.length)] =
                    "[]=.*'`+ \n#{}()\tA"[lx_rng_below(&rng, 17)];
            enum lx_err code = mapping_parse("x.ini", copy, length, &mapping, &err);
            if (code == LX_OK)
                mapping_release(&mapping);
            else if (code != LX_ERR_BAD_INPUT || strncmp(err.text, "x.ini", 5) != 0)
                fail_msg("%s run %d: code %d, \"%s\"", shipped[i], run, code, err.text);
            lx_free(copy);
        }
        lx_buffer_release(&text);
    }
}

static void test_memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    char path[1024];
    struct lx_buffer text;
    read_shipped("zimnat", path, &text);
    for (uint64_t n = 1;; n++) {
        struct mapping mapping;
        struct lx_error err = {0};
        lx_alloc_fail_at(n);
        enum lx_err code = mapping_parse(path, text.bytes, text.length, &mapping, &err);
        lx_alloc_fail_at(0);
        if (code == LX_OK) {
            mapping_release(&mapping);
            assert_true(n > 20);
            break;
        }
        if (code != LX_ERR_NO_MEMORY) fail_msg("allocation %d: %d %s", (int)n, code, err.text);
    }
    lx_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_refused_with_their_line),
        cmocka_unit_test(test_sources_mean_what_they_say),
        cmocka_unit_test(test_a_section_goes_before_what_holds_for_all),
        cmocka_unit_test(test_product_sections_take_what_holds_for_all_products),
        cmocka_unit_test(test_patterns_match_names_and_find_dates),
        cmocka_unit_test(test_patterns_of_columns_find_the_code),
        cmocka_unit_test(test_the_nearest_name_is_offered_only_when_near),
        cmocka_unit_test(test_values_by_type_and_form),
        cmocka_unit_test(test_every_shipped_mapping_parses),
        cmocka_unit_test(test_the_manuals_examples_parse),
        cmocka_unit_test(test_the_manual_lists_every_entity_with_its_fields),
        cmocka_unit_test(test_a_damaged_mapping_is_refused_or_read_but_never_more),
        cmocka_unit_test(test_memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
