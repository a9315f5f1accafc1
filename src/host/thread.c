#include "host/thread.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"

struct work {
    void (*run)(void *context, size_t item);
    void *context;
    size_t item_count;
    atomic_size_t next;
};

static void *work_through(void *context)
{
    struct work *work = context;
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
        if (item >= work->item_count) return NULL;
        work->run(work->context, item);
    }
}

enum lx_err host_parallel(int thread_count, size_t item_count,
                          void (*run)(void *context, size_t item), void *context,
                          struct lx_error *err)
{
    LX_ASSERT(thread_count >= 1 && run != NULL);
    LX_ASSERT(item_count < SIZE_MAX - LX_THREADS_MAX);

    pthread_t threads[LX_THREADS_MAX];
    size_t wanted = thread_count < LX_THREADS_MAX ? (size_t)thread_count : LX_THREADS_MAX;
    if (wanted > item_count) wanted = item_count;
    struct work work = {run, context, item_count, 0};

    size_t started = 0;
    int number = 0;
    while (started + 1 < wanted && number == 0) {
        number = pthread_create(&threads[started], NULL, work_through, &work);
        started += number == 0;
    }
    /* Without all its threads the work stops: to go on with fewer would hide the shortage. */
    if (number != 0) atomic_store(&work.next, item_count);
    work_through(&work);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    if (number != 0) return lx_fail_errno(err, number, "cannot start thread %zu", started + 2);
    return LX_OK;
}

struct host_thread {
    pthread_t thread;
    void (*run)(void *context);
    void *context;
};

static void *run_thread(void *context)
{
    struct host_thread *thread = context;
    thread->run(thread->context);
    return NULL;
}

enum lx_err host_thread_start(void (*run)(void *context), void *context,
                              struct host_thread **ret_thread, struct lx_error *err)
{
    LX_ASSERT(run != NULL && ret_thread != NULL);

    struct host_thread *thread = lx_malloc(sizeof *thread);
    if (thread == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "cannot start a thread: no memory");
    *thread = (struct host_thread){.run = run, .context = context};
    int number = pthread_create(&thread->thread, NULL, run_thread, thread);
    if (number != 0) {
        lx_free(thread);
        return lx_fail_errno(err, number, "cannot start a thread");
    }
    *ret_thread = thread;
    return LX_OK;
}

void host_thread_join(struct host_thread *thread)
{
    if (thread == NULL) return;
    int number = pthread_join(thread->thread, NULL);
    LX_ASSERT(number == 0);
    lx_free(thread);
}

struct host_queue {
    pthread_mutex_t mutex;
    pthread_cond_t has_room, has_items;
    bool is_closed;
    size_t first, count, max_count;
    void *items[];
};

enum lx_err host_queue_open(size_t max_count, struct host_queue **ret_queue, struct lx_error *err)
{
    LX_ASSERT(max_count > 0 && max_count <= LX_MEMORY_MAX / sizeof(void *));
    LX_ASSERT(ret_queue != NULL);

    struct host_queue *queue = lx_calloc(1, sizeof *queue + max_count * sizeof queue->items[0]);
    if (queue == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "a queue of %zu: out of memory", max_count);
    queue->max_count = max_count;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->has_room, NULL);
    pthread_cond_init(&queue->has_items, NULL);
    *ret_queue = queue;
    return LX_OK;
}

bool host_queue_put(struct host_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == queue->max_count && !queue->is_closed)
        pthread_cond_wait(&queue->has_room, &queue->mutex);
    bool is_taken = !queue->is_closed;
    if (is_taken) {
        queue->items[(queue->first + queue->count) % queue->max_count] = item;
        queue->count++;
        pthread_cond_signal(&queue->has_items);
    }
    pthread_mutex_unlock(&queue->mutex);
    return is_taken;
}

bool host_queue_get(struct host_queue *queue, void **ret_item)
{
    LX_ASSERT(ret_item != NULL);

    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && !queue->is_closed)
        pthread_cond_wait(&queue->has_items, &queue->mutex);
    bool has_item = queue->count > 0;
    if (has_item) {
        *ret_item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->max_count;
        queue->count--;
        pthread_cond_signal(&queue->has_room);
    }
    pthread_mutex_unlock(&queue->mutex);
    return has_item;
}

size_t host_queue_get_some(struct host_queue *queue, void **ret_items, size_t max)
{
    LX_ASSERT(ret_items != NULL && max > 0);

    size_t taken = 0;
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && !queue->is_closed)
        pthread_cond_wait(&queue->has_items, &queue->mutex);
    for (; taken < max && queue->count > 0; taken++) {
        ret_items[taken] = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->max_count;
        queue->count--;
    }
    if (taken > 0) pthread_cond_broadcast(&queue->has_room);
    pthread_mutex_unlock(&queue->mutex);
    return taken;
}

bool host_queue_offer(struct host_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    bool is_taken = !queue->is_closed && queue->count < queue->max_count;
    if (is_taken) {
        queue->items[(queue->first + queue->count) % queue->max_count] = item;
        queue->count++;
        pthread_cond_signal(&queue->has_items);
    }
    pthread_mutex_unlock(&queue->mutex);
    return is_taken;
}

size_t host_queue_count(struct host_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

void host_queue_close(struct host_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->has_room);
    pthread_cond_broadcast(&queue->has_items);
    pthread_mutex_unlock(&queue->mutex);
}

void host_queue_release(struct host_queue *queue)
{
    if (queue == NULL) return;
    pthread_cond_destroy(&queue->has_room);
    pthread_cond_destroy(&queue->has_items);
    pthread_mutex_destroy(&queue->mutex);
    lx_free(queue);
}

struct host_mutex {
    pthread_mutex_t mutex;
};

enum lx_err host_mutex_open(struct host_mutex **ret_mutex, struct lx_error *err)
{
    struct host_mutex *mutex = lx_malloc(sizeof *mutex);
    if (mutex == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "a mutex: out of memory");
    pthread_mutex_init(&mutex->mutex, NULL);
    *ret_mutex = mutex;
    return LX_OK;
}

void host_mutex_lock(struct host_mutex *mutex)
{
    int number = pthread_mutex_lock(&mutex->mutex);
    LX_ASSERT(number == 0);
}

void host_mutex_unlock(struct host_mutex *mutex)
{
    int number = pthread_mutex_unlock(&mutex->mutex);
    LX_ASSERT(number == 0);
}

void host_mutex_close(struct host_mutex *mutex)
{
    if (mutex == NULL) return;
    pthread_mutex_destroy(&mutex->mutex);
    lx_free(mutex);
}
