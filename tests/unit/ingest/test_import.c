/*
 * Goal:   every row of the files becomes the facts that the mapping says, or a line in the reject
 *         file; a batch is all or nothing; what was seen is not loaded again.
 * Method: small files beside the history that a person expects of them, in text; then files that
 *         are broken in every way that banks have sent.
 */
#include "scene.h"

static const char customers_ini[] = "[mapping]\n"
                                    "known_at = at\n"
                                    "[file customers]\n"
                                    "entity = customer\n"
                                    "files = customers*.csv\n"
                                    "customer = id\n"
                                    "at = '2020-01-01'\n";

#define CUSTOMERS                                                                                  \
    "[file customers]\nentity = customer\nfiles = customers*.csv\ncustomer = id\n"                 \
    "at = '2020-01-01'\nknown_at = at\n"

static void test_events_carry_all_their_fields(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\nB\n");
    scene_text(&scene, "e.csv",
               "who,when,type,prod,amt,dc,bal,ch,mcc,secs\n"
               "A,20260105093000,11,P02,\"1,234.5\",D,99.01,01,5411,\n"
               "A,20260105093001,12,,,,,02,,45\n"
               "B,20260106000000,11,,7,C,,,,\n");
    struct import_result result =
        scene_load(&scene, CUSTOMERS "[file events]\nentity = event\nfiles = e.csv\n"
                                     "dates = YYYYMMDDHHMMSS\ncustomer = who\nat = when\n"
                                     "known_at = day of at + 1 days\nkind = type\n"
                                     "kind.11 = card_payment\nkind.12 = page_view\n"
                                     "product = prod\namount = amt\nsign = dc\nsign.D = -\n"
                                     "sign.C = +\nbalance = bal\nchannel = ch\n"
                                     "channel.01 = pos\nchannel.02 = mobile\nchannel. = web\n"
                                     "merchant = mcc\nmerchant.5411 = grocery\nquantity = secs\n");
    assert_int_equal(result.batch, 1);
    assert_int_equal(result.rows_read, 5);
    assert_int_equal(result.rows_loaded, 5);
    assert_int_equal(result.rows_rejected, 0);
    assert_int_equal(result.files_new, 2);
    assert_string_equal(result.rejects, "");
    scene_assert_history(&scene, "A",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2026-01-05 09:30:00 known 2026-01-06 card_payment P02 amount=-123450"
                         " balance=9901 pos grocery\n"
                         "2026-01-05 09:30:01 known 2026-01-06 page_view mobile quantity=45\n");
    scene_assert_history(&scene, "B",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2026-01-06 known 2026-01-07 card_payment amount=700 web\n");
    scene_close(&scene);
}

static void test_customers_keep_versions_and_drop_repetitions(void **state)
{
    (void)state;
    static const char mapping[] =
        "[file customers]\nentity = customer\nfiles = c_{YYYYMM}.csv\ncustomer = id\n"
        "at = file date\nknown_at = at + 1 days\nname = name\nbirth = birth as YYYYMMDD\n"
        "joined = joined\ngender = sex\ngender.1 = male\ngender.2 = female\nhas_phone = tel\n"
        "branch = br\noccupation = job\neducation = edu\nmarital = mar\n"
        "income = pay as yuan-a-year\n";
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "c_202601.csv",
               "id,name,birth,joined,sex,tel,br,job,edu,mar,pay\n"
               "X1,Ann,19870213,2010-05-01,2,1,0101,21,6,20,120000\n"
               "X2,Bob,,,,,,,,,\n");
    scene_text(&scene, "c_202602.csv",
               "id,name,birth,joined,sex,tel,br,job,edu,mar,pay\n"
               "X1,Ann,19870213,2010-05-01,2,1,0102,21,6,20,120000.06\n"
               "X2,Bob,,,,,,,,,\n");
    struct import_result result = scene_load(&scene, mapping);
    assert_int_equal(result.rows_loaded, 4);
    assert_int_equal(result.facts, 3);
    assert_int_equal(result.duplicates, 1);
    scene_assert_history(
        &scene, "X1",
        "2026-01-31 known 2026-02-01 profile 1987-02-13 2010-05-01 female 1 0101 21 6 20"
        " income=1000000\n"
        "2026-02-28 known 2026-03-01 profile 1987-02-13 2010-05-01 female 1 0102 21 6 20"
        " income=1000000\n");
    scene_assert_history(&scene, "X2", "2026-01-31 known 2026-02-01 profile - - - 2 - - - -\n");

    scene_text(&scene, "c_202603.csv",
               "id,name,birth,joined,sex,tel,br,job,edu,mar,pay\n"
               "X1,Ann,19870213,2010-05-01,2,1,0102,21,6,20,120000\n"
               "X2,Bob,,,,0,,,,,\n");
    result = scene_load(&scene, mapping);
    assert_int_equal(result.files_seen, 2);
    assert_int_equal(result.files_new, 1);
    assert_int_equal(result.facts, 1);
    scene_assert_history(&scene, "X2",
                         "2026-01-31 known 2026-02-01 profile - - - 2 - - - -\n"
                         "2026-03-31 known 2026-04-01 profile - - - 0 - - - -\n");
    scene_close(&scene);
}

static void test_contracts_open_and_close(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "k.txt",
               "A|!|P03|!|20240501|!|99991231|!|200000.00\n"
               "A|!|P12|!|20240601|!|20250601|!|5000\n"
               "END|!|2\n");
    scene_load(&scene, CUSTOMERS
               "[file contracts]\nentity = contract\nfiles = k.txt\ndelimiter = |!|\nheader = no\n"
               "columns = who what from to money\ntrailer = END {count}\ndates = YYYYMMDD\n"
               "customer = who\nproduct = what\nopened = from\nclosed = to\nclosed.99991231 =\n"
               "amount = money\nchannel = 'counter'\nknown_at = day of at + 1 days\n");
    scene_assert_history(&scene, "A",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2024-05-01 known 2024-05-02 open P03 amount=20000000 counter\n"
                         "2024-06-01 known 2024-06-02 open P12 amount=500000 counter\n"
                         "2025-06-01 known 2025-06-02 close P12 amount=500000 counter\n");
    scene_close(&scene);
}

static void test_wide_columns_become_holdings(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv",
               "id,since,p_P03,p_P07,loan,p_none\nA,01-02-2019,1,0,yes,0\nB,02-02-2019,,2,no,\n"
               "C,03-02-2019,0,0,no,x\n");
    struct import_result result = scene_load(
        &scene, CUSTOMERS "[file wide]\nentity = holding\nfiles = customers.csv\ncustomer = id\n"
                          "at = since as DD-MM-YYYY\nknown_at = at\nheld = p_(P*) loan p_none\n"
                          "held.loan = P13\nheld.p_none = P01\n");
    assert_int_equal(result.rows_read, 6);
    assert_int_equal(result.rows_rejected, 1);
    scene_assert_rejects(&result,
                         "customers.csv,4,p_none,does not have its form: neither of `yes` nor of"
                         " `no` nor a number\n");
    scene_assert_history(&scene, "A",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2019-02-01 known 2019-02-01 open P13\n"
                         "2019-02-01 known 2019-02-01 open P03\n");
    scene_assert_history(&scene, "B",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2019-02-02 known 2019-02-02 open P07\n");
    scene_close(&scene);
}

static void test_the_rest_of_the_facts(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "risk.csv", "id,level,day\nA,C3,2025-02-28\nA,4,2026-02-28\n");
    scene_text(&scene, "consent.csv", "id,ch,ok,day\nA,ALL,Y,2025-01-01\nA,SM,N,2025-01-02\n");
    scene_text(&scene, "log.csv",
               "id,camp,prod,shown,p,rand,ctl,ans,answered\n"
               "A,K1,P05,2026-01-10 10:00:00,250000,1,0,Y,2026-01-12\n"
               "A,K1,P06,2026-01-11 10:00:00,,0,1,,\n");
    scene_load(&scene,
               CUSTOMERS "[codes channel]\nSM = sms\nALL =\n"
                         "[file risk]\nentity = risk\nfiles = risk.csv\ncustomer = id\n"
                         "level = level\nat = day\nknown_at = at\n"
                         "[file consent]\nentity = consent\nfiles = consent.csv\ncustomer = id\n"
                         "channel = ch\nis_granted = ok\nat = day\nknown_at = at\n"
                         "[file log]\nentity = exposure\nfiles = log.csv\ncustomer = id\n"
                         "campaign = camp\nproduct = prod\nat = shown as YYYY-MM-DD HH:MM:SS\n"
                         "known_at = at\nshow_probability = p as ppm\nis_random = rand\n"
                         "is_control = ctl\nanswer = ans\nanswer.Y = interested\n"
                         "answer_known_at = answered + 1 days\n");
    scene_assert_history(&scene, "A",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2025-02-28 known 2025-02-28 C3 until 2026-02-28\n"
                         "2026-02-28 known 2026-02-28 C4 until 2027-02-28\n"
                         "2026-01-10 10:00:00 known 2026-01-10 10:00:00 exposure P05 K1 interested"
                         " 2026-01-13 p=0.25 random\n"
                         "2026-01-11 10:00:00 known 2026-01-11 10:00:00 exposure P06 K1 - ?"
                         " control\n"
                         "2025-01-01 consent all 1\n"
                         "2025-01-02 consent sms 0\n");
    scene_close(&scene);
}

static int64_t query(const struct scene *scene, const char *sql)
{
    struct bank *bank = scene_bank(scene);
    struct store_statement *statement = NULL;
    struct lx_error err = {0};
    bool has_row = false;
    if (store_prepare(bank_store(bank), sql, &statement, &err) != LX_OK ||
        store_step(statement, &has_row, &err) != LX_OK)
        fail_msg("%s: %s", sql, err.text);
    int64_t value = has_row ? store_int(statement, 0) : -1;
    store_finalize(statement);
    bank_close(bank);
    return value;
}

static void test_small_tables_and_products_come_along(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "b.csv", "code,name,day\nB1,East,1999-01-01\nB2,West,2001-01-01\n");
    scene_text(&scene, "s.csv", "code,name,branch\nS1,Li,B1\n");
    scene_text(&scene, "m.csv", "code,control\nK1,0.1\n");
    scene_text(&scene, "a.csv", "id,code,prod\nA,001,X1\n");
    scene_text(&scene, "t.csv", "id,staff\nA,S1\n");
    scene_text(&scene, "p.csv", "n\n7\n");
    static const char product[] =
        "features_zh = 甲\nfeatures_en = f\ncategory = wealth\nrisk = R2\nminimum_yuan = 1\n"
        "rate_percent = 2.5\nterm_days = 0\nage_min = 0\nage_max = 99\nchannels = web\ngreen = 0\n"
        "status = on_sale\nlaunched = 2020-01-01\n";
    char mapping[4096];
    snprintf(mapping, sizeof mapping,
             CUSTOMERS
             "[product X1]\nzh = 壹\nen = One\nrisk = R4\n[product *]\n%s"
             "[file p]\nentity = product\nfiles = p.csv\ncode = 'Y' + n\nzh = '柒'\nen = 'Seven'\n"
             "features_zh = '甲'\nfeatures_en = 'f'\ncategory = 'credit'\nrisk = 'R1'\n"
             "minimum_yuan = '1'\nrate_percent = '2'\nterm_days = '0'\nage_min = '0'\n"
             "age_max = '9'\nchannels = 'web'\ngreen = '0'\nstatus = 'on_sale'\n"
             "launched = '2020-01-01'\n"
             "[file b]\nentity = branch\nfiles = b.csv\ncode = code\nname = name\nopened = day\n"
             "[file s]\nentity = staff\nfiles = s.csv\ncode = code\nname = name\nbranch = branch\n"
             "at = '2020-01-01'\nknown_at = at\n"
             "[file m]\nentity = campaign\nfiles = m.csv\ncode = code\ncontrol_share = control\n"
             "product = 'Y7'\n"
             "[file a]\nentity = account\nfiles = a.csv\ncustomer = id\ncode = code\n"
             "product = prod\nat = '2020-01-02'\nknown_at = at\n"
             "[file t]\nentity = assignment\nfiles = t.csv\ncustomer = id\nstaff = staff\n"
             "at = '2020-01-03'\nknown_at = import\n",
             product);
    struct import_result result = scene_load(&scene, mapping);
    assert_int_equal(result.rows_loaded, 8);
    assert_int_equal(query(&scene, "SELECT opened_day FROM branch WHERE code = 'B1'"), 10592);
    assert_int_equal(query(&scene, "SELECT count(*) FROM staff WHERE branch = 0"), 1);
    assert_int_equal(query(&scene, "SELECT control_ppm FROM campaign"), 100000);
    assert_int_equal(query(&scene, "SELECT count(*) FROM account WHERE code = '001'"), 1);
    assert_int_equal(query(&scene, "SELECT known_at_ms = 1772337600000 FROM assignment"), 1);
    struct bank *bank = scene_bank(&scene);
    int x1 = bank_catalogue_find(bank_catalogue(bank), "X1", 2);
    int y7 = bank_catalogue_find(bank_catalogue(bank), "Y7", 2);
    assert_int_equal(x1, 19);
    assert_int_equal(y7, 20);
    assert_int_equal(bank_catalogue(bank)->products[x1].risk, 4);
    assert_int_equal(bank_catalogue(bank)->products[x1].rate_ppm, 25000);
    assert_int_equal(bank_catalogue(bank)->products[y7].category, BANK_CATEGORY_CREDIT);
    bank_close(bank);
    scene_close(&scene);
}

/* A file, the section that reads it, and a query that is 1 where its row went in as it should. */
static void test_every_entity_of_a_banks_files_has_its_table(void **state)
{
    (void)state;
    static const struct {
        const char *text, *section, *query;
    } rows[] = {
        {"code,name\nI1,Union\n", "institution\ncode = code\nname = name\n",
         "SELECT count(*) FROM institution WHERE code = 'I1' AND name = 'Union'"},
        {"code,chan\npage,mobile\n", "placement\ncode = code\nchannel = chan\n",
         "SELECT count(*) FROM placement WHERE code = 'page' AND channel = 3"},
        {"e,seed,from\nE1,7,2026-01-05\n", "experiment\ncode = e\nseed = seed\nstarts = from\n",
         "SELECT count(*) FROM experiment WHERE seed = 7 AND starts_ms = 1767542400000"},
        {"e,arm,share,c\nE1,a,30,Y\n",
         "experiment_arm\nexperiment = e\narm = arm\nshare = share as percent\nis_control = c\n",
         "SELECT count(*) FROM experiment_arm WHERE share_ppm = 300000 AND is_control = 1"},
        {"p,day,min,rate\nP08,2026-01-05,1000,2.15\n",
         "product_terms\nproduct = p\nat = day\nknown_at = at\nminimum = min\n"
         "rate = rate as percent\nterm = '90'\n",
         "SELECT count(*) FROM product_terms WHERE product = 7 AND minimum_fen = 100000"
         " AND rate_ppm = 21500 AND term_days = 90"},
        {"id,day,chan,end\nA,2026-01-05,,\nA,2026-01-05,sms,2026-01-07\n",
         "do_not_contact\ncustomer = id\nat = day\nknown_at = at + 1 days\nchannel = chan\n"
         "until = end\n",
         "SELECT sum(channel) = 8 AND count(*) = 2 AND count(until_ms) = 1"
         " AND max(until_known_at_ms) = 1767628800000 FROM do_not_contact"},
        {"id,no,day,end\nA,K1,2026-01-05,2026-01-09\nA,K2,2026-01-05,\n",
         "complaint\ncustomer = id\ncode = no\nat = day\nknown_at = at\nclosed = end\n"
         "closed_known_at = end + 1 days\nproduct = 'P02'\nsubject = 'fees'\n",
         "SELECT count(*) = 2 AND max(closed_known_at_ms - closed_at_ms) = 86400000"
         " AND count(closed_known_at_ms) = 1 FROM complaint WHERE product = 1"},
        {"id,tag\nA,young\n",
         "label\ncustomer = id\nname = tag\nat = '2026-01-05'\nknown_at = at\nvalue = '1'\n",
         "SELECT count(*) FROM label WHERE name = 'young' AND value = '1'"},
        {"id,why\nA,court\n",
         "legal_hold\ncustomer = id\nreason = why\nat = '2026-01-05'\nknown_at = at\n",
         "SELECT count(*) FROM legal_hold WHERE reason = 'court'"},
        {"no,id,what\nT1,A,call\n",
         "task\ncode = no\ncustomer = id\nactivity = what\nstaff = 'S1'\nat = '2026-01-05'\n"
         "known_at = at\ndue = '2026-02-01'\n",
         "SELECT count(*) FROM task WHERE code = 'T1' AND kind = 'call' AND staff = 'S1'"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct scene scene;
        char mapping[1024];
        scene_open(&scene);
        scene_text(&scene, "customers.csv", "id\nA\n");
        scene_text(&scene, "x.csv", rows[i].text);
        snprintf(mapping, sizeof mapping, CUSTOMERS "[file x]\nfiles = x.csv\nentity = %s",
                 rows[i].section);
        struct import_result result = scene_load(&scene, mapping);
        if (result.rows_rejected != 0 || query(&scene, rows[i].query) != 1)
            fail_msg("row %zu: %.20s", i, rows[i].section);
        scene_close(&scene);
    }
}

static void test_a_complaint_closed_before_that_was_known_is_rejected(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "x.csv", "id,no,day,end\nA,K1,2026-01-05,2026-01-09\n");
    struct import_result result =
        scene_load(&scene, CUSTOMERS "[file x]\nfiles = x.csv\nentity = complaint\ncustomer = id\n"
                                     "code = no\nat = day\nknown_at = at + 1 days\nclosed = end\n");
    assert_int_equal(result.rows_rejected, 1);
    assert_int_equal(query(&scene, "SELECT count(*) FROM complaint"), 0);
    scene_close(&scene);
}

/* One event section over a file whose text a row of the table gives. */
static const char event_ini[] =
    CUSTOMERS "[file e]\nentity = event\nfiles = e.csv\ncustomer = id\nat = day\nknown_at = known\n"
              "known_at. = 2026-02-01\nkind = 'login'\namount = amt\nproduct = prod\n"
              "product.9 = P09\n";

static void test_bad_rows_are_named_and_not_shown(void **state)
{
    (void)state;
    static const struct {
        const char *row, *reject;
    } rows[] = {
        /* clang-format off */
        {"A,2026-01-02,,1.5,9",             NULL},
        {"A,2026-01-03,,,",                 NULL},
        {" A , 2026-01-04 ,, 2 , P02 ",     NULL},
        {"A,2026-01-05,,\"1,000\",",        NULL},
        {"Z99999,2026-01-02,,,",            "id,\"no such customer in the bank or in this batch: Z***9, 6 bytes\""},
        {"Z,2026-01-02,,,",                 "id,no such customer in the bank or in this batch: 1 bytes"},
        {",2026-01-02,,,",                  "id,is empty"},
        {"A,,,,",                           "day,is empty"},
        {"A,2026-13-02,,,",                 "day,does not have its form: month 13"},
        {"A,2026-02-29,,,",                 "day,does not have its form: day 29 of month 2 in 2026"},
        {"A,02.01.2026,,,",                 "day,does not have its form: not of the form YYYY-MM-DD"},
        {"A,2026-01-02,2026-01-01,,",       "known,known before it happened"},
        {"A,2026-01-02,,1.234,",            "amt,does not have its form: more than two decimals"},
        {"A,2026-01-02,,secret,",           "amt,does not have its form: not a number"},
        {"A,2026-01-02,,99999999999999999999,", "amt,does not have its form: a number of more than 64 bits"},
        {"A,2026-01-02,,,P77",              "prod,unknown code: product \"P77\""},
        {"A,2026-01-02,,",                  ",\"another number of fields: 4, expected 5\""},
        {"A,2026-01-02,,,,x",               ",\"another number of fields: 6, expected 5\""},
        {"A,2026-01-02,,,,",                NULL}, /* a delimiter at the end of the row */
        {"A,\"2026-01-02\"x,,,",            "day,cannot be read: text after a closing quote"},
        {"A,2026-01-02,,\xff,",             "amt,cannot be read: bytes that are not in the file's encoding"},
        {"0123456789012345678901234567890123456789012345678901234567890123x,2026-01-02,,,",
                                            "id,\"does not have its form: 65 bytes, at most 64\""},
        /* clang-format on */
    };
    struct scene scene;
    struct lx_buffer text, rejects;
    size_t rejected = 0;
    scene_open(&scene);
    lx_buffer_init(&text, 1 << 20);
    lx_buffer_init(&rejects, 1 << 20);
    scene_text(&scene, "customers.csv", "id\nA\n");
    lx_buffer_append_text(&text, "id,day,known,amt,prod\n");
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        lx_buffer_printf(&text, "%s\n", rows[i].row);
        if (rows[i].reject == NULL) continue;
        /* Unknown customers are found by the other half of the import, and still stand in order. */
        lx_buffer_printf(&rejects, "e.csv,%zu,%s\n", i + 2, rows[i].reject);
        rejected++;
    }
    scene_write(&scene, "e.csv", text.bytes, text.length);
    for (int threads = 1; threads <= 2; threads++) {
        scene.thread_count = threads;
        if (threads == 2) { /* the same into another bank */
            assert_int_equal(host_remove_tree(scene.bank, NULL), LX_OK);
            scene_create_bank(scene.bank);
        }
        struct import_result result = scene_load(&scene, event_ini);
        assert_int_equal(result.rows_read, LX_COUNT_OF(rows) + 1);
        assert_int_equal(result.rows_rejected, rejected);
        assert_int_equal(result.rows_loaded, result.rows_read - rejected);
        scene_assert_rejects(&result, lx_buffer_text(&rejects));
    }
    lx_buffer_release(&text);
    lx_buffer_release(&rejects);
    scene_close(&scene);
}

static void test_too_many_bad_rows_load_nothing(void **state)
{
    (void)state;
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\nB\nC\n");
    scene_text(&scene, "e.csv",
               "id,day,known,amt,prod\nA,2026-01-02,,,\nA,x,,,\nB,y,,,\nC,2026-01-02,,q,\n");
    /* 3 of 7 rows: 428,571.4 in a million. */
    scene.max_rejects_ppm = 428571;
    assert_int_equal(scene_import(&scene, event_ini, &result), LX_ERR_LIMIT);
    assert_int_equal(result.rows_rejected, 3);
    assert_non_null(strstr(scene.err.text, "nothing was loaded: 3 of 7 rows"));
    assert_non_null(strstr(scene.err.text, "at most 428571 in a million"));
    assert_non_null(strstr(scene.err.text, "Most: day: does not have its form (2 rows)"));
    assert_non_null(strstr(scene.err.text, result.rejects));
    scene_assert_rejects(&result, "e.csv,3,day,does not have its form: not of the form YYYY-MM-DD\n"
                                  "e.csv,4,day,does not have its form: not of the form YYYY-MM-DD\n"
                                  "e.csv,5,amt,does not have its form: not a number\n");
    assert_int_equal(scene_customers(&scene), 0);

    scene.max_rejects_ppm = 428572;
    char first[LX_PATH_MAX];
    memcpy(first, result.rejects, sizeof first);
    result = scene_load(&scene, event_ini);
    assert_int_equal(result.rows_loaded, 4);
    assert_string_not_equal(result.rejects, first); /* the earlier file stays */
    assert_int_equal(scene_customers(&scene), 3);
    scene_close(&scene);
}

static void test_files_seen_before_change_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers1.csv", "id\nA\n");
    struct import_result result = scene_load(&scene, customers_ini);
    assert_int_equal(result.batch, 1);
    assert_false(result.is_duplicate);

    scene_remove(&scene, "customers1.csv");
    scene_text(&scene, "customers_renamed.csv", "id\nA\n");
    result = scene_load(&scene, customers_ini);
    assert_true(result.is_duplicate);
    assert_int_equal(result.batch, 0);
    assert_int_equal(result.rows_read, 0);
    assert_int_equal(result.files_seen, 1);
    assert_int_equal(result.files_new, 0);
    assert_int_equal(query(&scene, "SELECT count(*) FROM batch"), 1);

    scene_text(&scene, "customers2.csv", "id\nB\n");
    scene_text(&scene, "customers3.csv", "id\nB\n"); /* the same bytes twice in one batch */
    result = scene_load(&scene, customers_ini);
    assert_int_equal(result.batch, 2);
    assert_int_equal(result.rows_read, 1);
    assert_int_equal(result.files_seen, 2);
    assert_int_equal(result.files_new, 1);
    assert_int_equal(scene_customers(&scene), 2);
    scene_close(&scene);
}

static void test_the_date_in_a_name_makes_another_file_where_it_is_used(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "b_20260101.csv", "id,bal\nA,5\n");
    scene_text(&scene, "b_20260102.csv", "id,bal\nA,5\n");
    struct import_result result = scene_load(
        &scene, CUSTOMERS "[file b]\nentity = event\nfiles = b_{YYYYMMDD}.csv\ncustomer = id\n"
                          "at = file date\nknown_at = file date + 30 hours\nkind = 'balance'\n"
                          "balance = bal\n");
    assert_int_equal(result.files_new, 3);
    scene_assert_history(&scene, "A",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2026-01-01 known 2026-01-02 06:00:00 balance balance=500\n"
                         "2026-01-02 known 2026-01-03 06:00:00 balance balance=500\n");
    scene_close(&scene);
}

static void test_sequence_tells_equal_events_apart(void **state)
{
    (void)state;
    static const struct {
        const char *sequence;
        size_t facts;
    } rows[] = {
        {"", 3},                  /* by content: the two equal ones are one */
        {"sequence = seq\n", 3},  /* by serial number: 1 1 2 2 gives ... */
        {"sequence = auto\n", 4}, /* each row its own event */
        {"sequence = line()\n", 4},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct scene scene;
        char mapping[1024];
        scene_open(&scene);
        scene_text(&scene, "customers.csv", "id\nA\n");
        scene_text(&scene, "e.csv",
                   "id,day,kind,amt,seq\nA,2026-01-02,login,1,1\nA,2026-01-02,login,1,2\n"
                   "A,2026-01-02,login,2,2\nA,2026-01-02,call,1,3\n");
        snprintf(mapping, sizeof mapping,
                 CUSTOMERS "[file e]\nentity = event\nfiles = e.csv\ncustomer = id\nat = day\n"
                           "known_at = at\nkind = kind\namount = amt\n%s",
                 rows[i].sequence);
        struct import_result result = scene_load(&scene, mapping);
        if (result.facts != rows[i].facts + 1)
            fail_msg("row %zu: %" PRIu64 " facts, expected %zu", i, result.facts,
                     rows[i].facts + 1);
        assert_int_equal(result.duplicates, 4 - rows[i].facts);
        scene_close(&scene);
    }
}

#define EVENTS_AND_CHANGES                                                                         \
    "[file events]\nentity = event\nfiles = e*.csv\ncustomer = who\nat = day\n"                    \
    "known_at = day of at + 1 days\nkind = type\namount = amt\nsequence = n\nproduct = prod\n"     \
    "[file changes]\nentity = event_change\nfiles = c_*.csv\ncustomer = who\nat = day\n"           \
    "known_at = seen\nis_deleted = gone\nkind = type\namount = amt\nsequence = n\n"                \
    "product = prod\n"

/* A later batch: of an event in the bank, of one in the batch, and what is known already. */
static void correct_again(struct scene *scene, const char *mapping)
{
    scene_text(scene, "e2.csv", "who,day,n,type,amt,prod\nA,2026-01-09,4,salary,300,\n");
    scene_text(scene, "c_2.csv",
               "who,day,n,seen,gone,type,amt,prod\n"
               "A,2026-01-05,1,2026-01-20,0,salary,150,\n"
               "A,2026-01-05,1,2026-01-25,0,salary,150,\n"
               "A,2026-01-05,1,2026-01-26,0,salary,160,\n"
               "A,2026-01-07,3,2026-01-26,1,,,\n"
               "A,2026-01-09,4,2026-01-27,0,salary,333,\n");
    struct import_result result = scene_load(scene, mapping);
    assert_int_equal(result.rows_loaded, 6);
    assert_int_equal(result.rows_rejected, 0);
    assert_int_equal(result.facts, 4);
    assert_int_equal(result.duplicates, 2);
    scene_assert_history(scene, "A",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2026-01-05 known 2026-01-06 salary amount=10000 until 2026-01-20\n"
                         "2026-01-05 known 2026-01-20 salary amount=15000 corrected until"
                         " 2026-01-26\n"
                         "2026-01-05 known 2026-01-26 salary amount=16000 corrected\n"
                         "2026-01-06 known 2026-01-07 salary amount=20000 until 2026-01-21\n"
                         "2026-01-06 known 2026-01-22 salary amount=22200 corrected\n"
                         "2026-01-07 known 2026-01-08 open P02 until 2026-01-26\n"
                         "2026-01-09 known 2026-01-10 salary amount=30000 until 2026-01-27\n"
                         "2026-01-09 known 2026-01-27 salary amount=33300 corrected\n");
    assert_true(scene_load(scene, mapping).is_duplicate);
}

static void test_corrections_and_deletions_are_facts_of_their_own(void **state)
{
    (void)state;
    static const char mapping[] = CUSTOMERS EVENTS_AND_CHANGES;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "e.csv",
               "who,day,n,type,amt,prod\n"
               "A,2026-01-05,1,salary,100,\n"
               "A,2026-01-06,2,salary,200,\n"
               "A,2026-01-07,3,open,,P02\n");
    scene_text(&scene, "c_1.csv",
               "who,day,n,seen,gone,type,amt,prod\n"
               "A,2026-01-05,1,2026-01-20,0,salary,150,\n" /* 2: corrected */
               "A,2026-01-06,2,2026-01-21,1,,,\n"          /* deleted */
               "A,2026-01-06,2,2026-01-22,,salary,222,\n"  /* and brought back */
               "A,2026-01-08,9,2026-01-22,1,,,\n"          /* 5: no such event */
               "B,2026-01-05,1,2026-01-22,1,,,\n"          /* no such customer */
               "A,2026-01-05,1,2026-01-04,1,,,\n"          /* known before it happened */
               "A,2026-01-05,1,2026-01-23,0,,150,\n"       /* neither deleted nor of a kind */
               "A,2026-01-05,4294967295,2026-01-23,1,,,\n" /* no number */
               "A,2026-01-05,,2026-01-23,1,,,\n"           /* 10: no number at all */
               "A,2026-01-07,3,2026-01-23,0,open,,\n");    /* an opening of nothing */
    struct import_result result = scene_load(&scene, mapping);
    assert_int_equal(result.rows_read, 14);
    assert_int_equal(result.rows_loaded, 7);
    assert_int_equal(result.rows_rejected, 7);
    assert_int_equal(result.facts, 7);
    scene_assert_rejects(
        &result, "c_1.csv,6,who,no such customer in the bank or in this batch: 1 bytes\n"
                 "c_1.csv,7,seen,known before it happened\n"
                 "c_1.csv,8,type,is empty: what is not deleted is said in full\n"
                 "c_1.csv,9,n,does not have its form: stands for events without a number\n"
                 "c_1.csv,10,n,is empty\n"
                 "c_1.csv,11,prod,is empty: an opening or closing names its product\n"
                 "c_1.csv,5,n,a correction of an event that neither the bank nor this batch has\n");
    scene_assert_history(&scene, "A",
                         "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
                         "2026-01-05 known 2026-01-06 salary amount=10000 until 2026-01-20\n"
                         "2026-01-05 known 2026-01-20 salary amount=15000 corrected\n"
                         "2026-01-06 known 2026-01-07 salary amount=20000 until 2026-01-21\n"
                         "2026-01-06 known 2026-01-22 salary amount=22200 corrected\n"
                         "2026-01-07 known 2026-01-08 open P02\n");
    assert_true(scene_load(&scene, mapping).is_duplicate);

    correct_again(&scene, mapping);
    scene_close(&scene);
}

static void test_too_many_corrections_of_nothing_load_nothing(void **state)
{
    (void)state;
    static const char mapping[] = CUSTOMERS EVENTS_AND_CHANGES;
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "e.csv", "who,day,n,type,amt,prod\nA,2026-01-05,1,salary,100,\n");
    scene_text(&scene, "c_1.csv",
               "who,day,n,seen,gone,type,amt,prod\nA,2026-01-05,2,2026-01-20,1,,,\n");
    for (int batch = 0; batch < 2; batch++) {
        scene.max_rejects_ppm = 10000;
        assert_int_equal(scene_import(&scene, mapping, &result), LX_ERR_LIMIT);
        assert_non_null(strstr(scene.err.text, "a correction of an event that neither"));
        assert_int_equal(result.rows_rejected, 1);
        assert_int_equal(scene_customers(&scene), batch);
        scene.max_rejects_ppm = 1000000;
        if (batch == 0) scene_text(&scene, "c_1.csv", "who,day,n,seen,gone,type,amt,prod\n");
        if (batch == 0) assert_int_equal(scene_load(&scene, mapping).rows_rejected, 0);
        scene_text(&scene, "customers.csv", "id\nB\n");
        scene_text(&scene, "c_1.csv",
                   "who,day,n,seen,gone,type,amt,prod\nA,2026-01-05,3,2026-01-20,1,,,\n");
    }
    scene_close(&scene);
}

static void test_rows_can_be_left_out(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id,state,type\nA,ok,1\nB,closed,1\nC,ok,2\nD,ok,3\n");
    struct import_result result =
        scene_load(&scene, CUSTOMERS "only = type in 1, '2'\nexcept = state in closed, dead\n");
    assert_int_equal(result.rows_read, 4);
    assert_int_equal(result.rows_loaded, 2);
    assert_int_equal(result.rows_passed, 2);
    assert_int_equal(result.rows_rejected, 0);
    scene_close(&scene);
}

static void test_moments_are_found_in_every_way(void **state)
{
    (void)state;
    static const struct {
        const char *at, *known_at, *expected;
    } rows[] = {
        /* clang-format off */
        {"'2026-01-02'",                     "at",                     "2026-01-02 known 2026-01-02"},
        {"'2026-01-02 03:04:05'",            "import",                 "2026-01-02 03:04:05 known 2026-03-01 12:00:00"},
        {"d + t as YYYYMMDDHHMMSS",          "at + 90 minutes",        "2026-01-31 23:00:00 known 2026-02-01 00:30:00"},
        {"day of d + t as YYYYMMDDHHMMSS",   "day of at + 1 months",   "2026-01-31 known 2026-02-28"},
        {"d as YYYYMMDD - 1 days",           "d as YYYYMMDD",          "2026-01-30 known 2026-01-31"},
        {"#2 as YYYYMMDD",                   "e as epoch-seconds",     "2026-01-31 known 2026-03-01 12:00:00"},
        {"d + ' ' + u as YYYYMMDD",          "import",                 NULL}, /* 20260131 2026-01 */
        {"u as YYYY-MM",                     "import",                 "2026-01-01 known 2026-03-01 12:00:00"},
        {"i as ISO-8601",                    "at + 2 hours",           "2026-01-31 18:00:01 known 2026-01-31 20:00:01"},
        {"m as month-from-2025-11",          "import",                 "2026-01-01 known 2026-03-01 12:00:00"},
        {"file date",                        "at",                     "2026-02-28 known 2026-02-28"},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct scene scene;
        char mapping[1024], expected[256];
        scene_open(&scene);
        scene_text(&scene, "customers.csv", "id\nA\n");
        scene_text(&scene, "e_202602.csv",
                   "id,d,t,u,e,i,m\n"
                   "A,20260131,230000,2026-01,1772337600,2026-01-31T10:00:01.500+00:00,Jan\n");
        snprintf(mapping, sizeof mapping,
                 CUSTOMERS "[file e]\nentity = event\nfiles = e_{YYYYMM}.csv\ncustomer = id\n"
                           "at = %s\nknown_at = %s\nkind = 'login'\n",
                 rows[i].at, rows[i].known_at);
        struct import_result result = scene_load(&scene, mapping);
        print_message("row %zu: at = %s\n", i, rows[i].at);
        assert_int_equal(result.rows_rejected, rows[i].expected == NULL);
        snprintf(expected, sizeof expected,
                 "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n%s%s",
                 rows[i].expected == NULL ? "" : rows[i].expected,
                 rows[i].expected == NULL ? "" : " login\n");
        scene_assert_history(&scene, "A", expected);
        scene_close(&scene);
    }
}

static void test_age_hash_and_place_in_the_file(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "people.csv", "a,b,age,mon\nx,yz,30,nov\nxy,z,0,jan\n");
    scene_load(&scene, "[file p]\nentity = customer\nfiles = people.csv\n"
                       "customer = file() + '-' + line() + '-' + a\n"
                       "at = mon as month-from-2025-10\nknown_at = at\nbirth = age as age\n");
    scene_assert_history(&scene, "people-1-x",
                         "2025-11-01 known 2025-11-01 profile 1995-11-01 - - 2 - - - -\n");
    scene_assert_history(&scene, "people-2-xy",
                         "2026-01-01 known 2026-01-01 profile 2026-01-01 - - 2 - - - -\n");
    scene_close(&scene);

    scene_open(&scene);
    scene_text(&scene, "people.csv", "a,b\nx,yz\nxy,z\nx,yz\n");
    struct import_result result =
        scene_load(&scene, "[file p]\nentity = customer\nfiles = people.csv\n"
                           "customer = hash(a, b)\nat = '2026-01-01'\nknown_at = at\n");
    assert_int_equal(result.facts, 2);
    /* printf 'x\037yz' | sha256sum */
    scene_assert_history(&scene, "becdf19a99ff2f7c35c110ac365d9f8f",
                         "2026-01-01 known 2026-01-01 profile - - - 2 - - - -\n");
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_carry_all_their_fields),
        cmocka_unit_test(test_customers_keep_versions_and_drop_repetitions),
        cmocka_unit_test(test_contracts_open_and_close),
        cmocka_unit_test(test_wide_columns_become_holdings),
        cmocka_unit_test(test_the_rest_of_the_facts),
        cmocka_unit_test(test_small_tables_and_products_come_along),
        cmocka_unit_test(test_every_entity_of_a_banks_files_has_its_table),
        cmocka_unit_test(test_a_complaint_closed_before_that_was_known_is_rejected),
        cmocka_unit_test(test_bad_rows_are_named_and_not_shown),
        cmocka_unit_test(test_too_many_bad_rows_load_nothing),
        cmocka_unit_test(test_files_seen_before_change_nothing),
        cmocka_unit_test(test_the_date_in_a_name_makes_another_file_where_it_is_used),
        cmocka_unit_test(test_sequence_tells_equal_events_apart),
        cmocka_unit_test(test_rows_can_be_left_out),
        cmocka_unit_test(test_moments_are_found_in_every_way),
        cmocka_unit_test(test_age_hash_and_place_in_the_file),
        cmocka_unit_test(test_corrections_and_deletions_are_facts_of_their_own),
        cmocka_unit_test(test_too_many_corrections_of_nothing_load_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
