#ifndef TESTS_STORE_CONFORMANCE_H
#define TESTS_STORE_CONFORMANCE_H

/*
 * store_conformance: what every backend behind store/store.h has to do, whatever it is. A backend's
 * test program says how a fresh database is named and runs the suite:
 *
 *     static const struct store_subject subject = {"sqlite", fresh_url, " WITHOUT ROWID", check};
 *     return store_conformance_run(&subject);
 */

#include "base/limits.h"

struct store;

struct store_subject {
    const char *name;
    /* The URL of a database that does not exist yet, in the test's folder. */
    void (*fresh_url)(const char *folder, char ret_url[LX_PATH_MAX]);
    /* What follows a table's columns so that its rows lie in the order of its key; "" or more. */
    const char *key_clustered;
    void (*check)(struct store *store); /* the backend's own check of the whole database */
};

/* The number of tests that failed. */
int store_conformance_run(const struct store_subject *subject);

#endif
