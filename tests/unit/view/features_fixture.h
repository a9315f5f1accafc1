#ifndef TESTS_FEATURES_FIXTURE_H
#define TESTS_FEATURES_FIXTURE_H

/* features_fixture: the shipped features over a catalogue of a test, without a bank. */

#include "host/file.h"
#include "random_history.h"
#include "tests/scratch.h"
#include "view/features.h"

static inline struct view_schema *fixture_schema(const struct bank_catalogue *catalogue)
{
    static const char *const codes[] = {"code 0", "code 1", "code 2", "code 3", "code 4"};
    struct view_code_lists lists = {0};
    struct view_schema *schema = NULL;
    struct lx_error err;
    for (int i = BANK_LIST_BRANCH; i <= BANK_LIST_CAMPAIGN; i++) {
        lists.texts[i] = codes;
        lists.counts[i] = LX_COUNT_OF(codes);
    }
    MUST(view_schema_open(catalogue, &lists, &schema, &err));
    return schema;
}

static inline void fixture_file(struct lx_buffer *text)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    const char *root = getenv("LINGXI_ROOT");
    snprintf(path, sizeof path, "%s/data/features.ini", root == NULL ? "." : root);
    lx_buffer_init(text, LX_CONFIG_MAX);
    MUST(host_read_file(path, text, &err));
}

static inline struct view_features *fixture_features(const struct bank_catalogue *catalogue)
{
    struct view_features *features = NULL;
    struct lx_buffer text;
    struct lx_error err;
    fixture_file(&text);
    MUST(view_features_parse("features.ini", lx_buffer_text(&text), text.length,
                             fixture_schema(catalogue), &features, &err));
    lx_buffer_release(&text);
    return features;
}

#endif
