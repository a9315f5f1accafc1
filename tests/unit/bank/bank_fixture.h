#ifndef TESTS_BANK_FIXTURE_H
#define TESTS_BANK_FIXTURE_H

/* bank_fixture: a fresh bank with the shipped catalogue, and loads into it. */
#include "tests/cmocka_all.h"

#include "bank/load.h"
#include "host/env.h"
#include "tests/scratch.h"

static char folder[LX_PATH_MAX]; /* the test's */
static char bank_dir[LX_PATH_MAX];
static struct lx_error err;

static inline void fixture_create(void)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    const char *root = getenv("LINGXI_ROOT");
    lx_buffer_init(&text, LX_CONFIG_MAX);
    MUST(host_join(path, root == NULL ? "." : root, "data/catalogue.ini", &err));
    MUST(host_read_file(path, &text, &err));
    const struct bank_file file = {"catalogue.ini", text.bytes, text.length};
    MUST(host_join(bank_dir, folder, "bank", &err));
    MUST(bank_create(bank_dir, NULL, &file, 1, &err));
    lx_buffer_release(&text);
}

static inline int fixture_setup(void **state)
{
    scratch_make(folder);
    fixture_create();
    return 0;
}

static inline int fixture_teardown(void **state)
{
    host_fault_after(0, 0);
    lx_alloc_fail_at(0);
    scratch_remove(folder);
    return 0;
}

enum { FIXTURE_NOW = 1000000 }; /* the clock of every batch */

static inline struct bank_batch fixture_batch(void)
{
    return (struct bank_batch){.source = "files",
                               .mapping = "test",
                               .now_ms = FIXTURE_NOW,
                               .memory_bytes = 1 << 20,
                               .thread_count = 2};
}

static inline struct bank_load *fixture_begin(void)
{
    struct bank_load *load = NULL;
    struct bank_batch batch = fixture_batch();
    MUST(bank_load_begin(bank_dir, &batch, &load, &err));
    return load;
}

static inline struct bank_load_result fixture_commit(struct bank_load *load)
{
    struct lx_env env = host_env();
    struct bank_load_result result = {0};
    MUST(bank_load_commit(load, &env, &result, &err));
    bank_load_abort(load);
    return result;
}

static inline struct bank *fixture_open(enum store_mode mode)
{
    struct bank *bank = NULL;
    MUST(bank_open(bank_dir, mode, &bank, &err));
    return bank;
}

static inline int64_t fixture_query(const char *sql)
{
    struct bank *bank = fixture_open(STORE_READ);
    struct store_statement *statement = NULL;
    bool has_row = false;
    MUST(store_prepare(bank_store(bank), sql, &statement, &err));
    MUST(store_step(statement, &has_row, &err));
    int64_t value = has_row ? store_int(statement, 0) : INT64_MIN;
    store_finalize(statement);
    bank_close(bank);
    return value;
}

/* Puts a customer without a profile; his number. */
static inline int64_t fixture_customer(struct bank_load *load, const char *id)
{
    enum bank_put outcome;
    MUST(bank_put_customer(load, id, strlen(id), NULL, 0, NULL, &outcome, &err));
    return bank_load_customer(load, id, strlen(id));
}

static inline struct bank_event fixture_event(int64_t at_ms, uint32_t sequence,
                                              enum bank_event_kind kind)
{
    return (struct bank_event){.at_ms = at_ms,
                               .known_at_ms = at_ms + 10,
                               .kind = (uint8_t)kind,
                               .sequence = sequence,
                               .product = BANK_NO_PRODUCT,
                               .amount_fen = BANK_NO_AMOUNT,
                               .balance_fen = BANK_NO_AMOUNT};
}

static inline enum bank_put fixture_put(struct bank_load *load, int64_t customer,
                                        struct bank_event event)
{
    enum bank_put outcome;
    MUST(bank_put_event(load, customer, &event, &outcome, &err));
    return outcome;
}

#endif
