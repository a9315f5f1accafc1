#ifndef INGEST_SYNTH_H
#define INGEST_SYNTH_H

/*
 * synth: a bank that does not exist, written as the files that a real one would send.
 *
 * Customers have latent needs, wealth, risk appetite, digital habits, hidden tastes and a stage of
 * life. They live month by month: events of life shift the needs, the needs show in what they pay,
 * save and look at, and products are opened and closed by hazards that depend on all of it. A
 * campaign log says who was shown what, with which probability, and what he said. What is really
 * true of the customers goes to OUT/truth, which only a simulator may open.
 * docs/internals/synthetic-bank.md describes the model, data/synth/profile.ini holds its parameters
 * and data/mappings/synthetic.ini reads the files.
 *
 * Invariants: the same options give the same bytes, whatever the number of threads and on every
 *             machine; the clock is never asked. Dirt changes rows and never what happened.
 *             Customer k of a bank is a function of profile, catalogue, seed, number of customers.
 * Ownership:  everything handed in is borrowed for the call.
 * Errors:     LX_ERR_BAD_INPUT (profile, with file:line), LX_ERR_USAGE, LX_ERR_REFUSED (OUT holds
 *             files of its own), LX_ERR_DISK_FULL, LX_ERR_IO (name the file), LX_ERR_NO_MEMORY.
 *             After a failure the files written so far are removed.
 * Threads:    uses env->thread_count; memory about 100 MB with two threads, whatever the size.
 */

#include "bank/catalogue.h"
#include "base/env.h"

enum { SYNTH_MONTHS_MAX = 120, SYNTH_DIRT_PPM_MAX = 100000 };

#define SYNTH_TASTE_MIN 0.1
#define SYNTH_TASTE_MAX 4.0

#define SYNTH_CUSTOMERS_MAX ((uint64_t)200000000)

struct synth_options {
    const char *folder; /* created where it is missing; must be empty */
    const struct bank_catalogue *catalogue;
    const char *profile_file; /* named in messages */
    const char *profile;      /* the INI text */
    size_t profile_length;
    uint64_t customers; /* 1 to SYNTH_CUSTOMERS_MAX */
    int months;         /* 1 to SYNTH_MONTHS_MAX, the last one ends at the profile's `end` */
    uint64_t seed;
    uint32_t dirt_ppm; /* spoilt or doubled rows in a million, to SYNTH_DIRT_PPM_MAX */
    /* Times the profile's taste_scale, SYNTH_TASTE_MIN to SYNTH_TASTE_MAX; 0: 1. Hidden tastes move
     * openings and answers by one number, so that another strength is another bank with a truth of
     * its own; rates are calibrated anew, so it opens and says yes as often. */
    double taste;
};

struct synth_result {
    uint64_t customers;
    uint64_t events;    /* that happened in the months asked for */
    uint64_t history;   /* openings and closings before them */
    uint64_t exposures; /* rows of the campaign log, control groups included */
    uint64_t yes;       /* of those shown: said interested */
    uint64_t shown;
    uint64_t holders; /* hold anything but savings at the end */
    uint64_t rows;    /* written, dirt included */
    uint64_t dirty;   /* rows doubled or spoilt */
    uint64_t changes; /* of events: corrected or taken back later, on record */
    uint64_t bytes;
    double seconds;
};

LX_MUST_USE enum lx_err synth_write(const struct synth_options *options, const struct lx_env *env,
                                    struct synth_result *ret_result, struct lx_error *err);

#endif
