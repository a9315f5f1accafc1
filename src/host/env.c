#include "host/env.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"

/* A terminal is redrawn at most this often. */
#define REDRAW_NS ((int64_t)100000000)

static int64_t now_ms(void *context)
{
    (void)context;
    struct timespec now;
    int status = clock_gettime(CLOCK_REALTIME, &now);
    LX_ASSERT(status == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t elapsed_ns(void *context)
{
    (void)context;
    struct timespec now;
    int status = clock_gettime(CLOCK_MONOTONIC, &now);
    LX_ASSERT(status == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void entropy(void *context, void *bytes, size_t length)
{
    (void)context;
    for (size_t done = 0; done < length;) {
        ssize_t got = getrandom((char *)bytes + done, length - done, 0);
        if (got < 0 && errno == EINTR) continue;
        LX_ASSERT(got > 0);
        done += (size_t)got;
    }
}

/* stderr is one for the whole process, and so is what stands on its last line. */
static struct {
    pthread_mutex_t mutex;
    bool is_line_open;
    int64_t drawn_at_ns;
} screen = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void message(void *context, const char *text)
{
    (void)context;
    pthread_mutex_lock(&screen.mutex);
    fprintf(stderr, "%s%s\n", screen.is_line_open ? "\r\033[K" : "", text);
    screen.is_line_open = false;
    pthread_mutex_unlock(&screen.mutex);
}

static void draw(const char *what, uint64_t done, uint64_t total)
{
    bool is_finished = total > 0 && done >= total;
    int64_t at_ns = elapsed_ns(NULL);
    if (!is_finished && screen.is_line_open && at_ns - screen.drawn_at_ns < REDRAW_NS) return;

    screen.drawn_at_ns = at_ns;
    screen.is_line_open = !is_finished;
    fprintf(stderr, "\r\033[K%s", what);
    if (total > 0)
        fprintf(stderr, " %3d %%", (int)(100.0 * (double)done / (double)total));
    else
        fprintf(stderr, " %llu", (unsigned long long)done);
    if (is_finished) fputc('\n', stderr);
    fflush(stderr);
}

static bool is_plain(void)
{
    const char *wish = host_variable("LINGXI_PROGRESS");
    return wish != NULL && strcmp(wish, "plain") == 0;
}

static void progress(void *context, const char *what, uint64_t done, uint64_t total)
{
    (void)context;
    pthread_mutex_lock(&screen.mutex);
    if (is_plain()) {
        if (total > 0 && done >= total)
            fprintf(stderr, "%s: %llu\n", what, (unsigned long long)done);
    } else if (isatty(STDERR_FILENO)) {
        draw(what, done, total);
    }
    pthread_mutex_unlock(&screen.mutex);
}

static int processor_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > LX_THREADS_MAX ? LX_THREADS_MAX : count;
}

struct lx_env host_env(void)
{
    return (struct lx_env){
        .now_ms = now_ms,
        .elapsed_ns = elapsed_ns,
        .entropy = entropy,
        .message = message,
        .progress = progress,
        .thread_count = processor_count(),
    };
}

const char *host_variable(const char *name)
{
    return getenv(name);
}

void host_restart_with(const char *name, const char *value, char *const *arguments)
{
    if (getenv(name) == NULL && setenv(name, value, 1) == 0) execv("/proc/self/exe", arguments);
}

uint64_t host_peak_bytes(void)
{
    struct rusage usage;
    int status = getrusage(RUSAGE_SELF, &usage);
    LX_ASSERT(status == 0);
    return (uint64_t)usage.ru_maxrss * 1024;
}
