#ifndef BENCH_IMPORT_H
#define BENCH_IMPORT_H

/*
 * import: the importer against the sqlite3 shell's `.import --csv`, both filling table `event` of
 * the bank's own definition, WITHOUT ROWID and STRICT.
 */

#include "bench/bench.h"

/*
 * row_count events of a month in the order of time, for row_count / 27 customers. Ours reads them
 * as a core-banking dump (ids of 32 digits, codes, YYYYMMDDHHMMSS, yuan), with the customers, into
 * an empty bank, and makes them durable; all of import_run is counted, hashing included. The peer
 * reads a CSV that holds already what the columns hold, in their order, customers as dense numbers.
 * Both databases must then agree in every column's sum. Needs the program sqlite3.
 * Besides: the peer with its journal and its syncing off and a large cache (its fastest way), and a
 * second month of half as many rows into the bank, which is then not empty.
 * Errors: LX_ERR_NOT_FOUND without sqlite3; LX_ERR_CORRUPT where the two differ.
 */
LX_MUST_USE enum lx_err bench_import(uint64_t row_count, const struct lx_env *env,
                                     struct bench_result *ret_result, struct lx_error *err);

#endif
