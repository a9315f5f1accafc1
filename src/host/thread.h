#ifndef HOST_THREAD_H
#define HOST_THREAD_H

/*
 * thread: work spread over threads, and a bounded queue between two of them.
 *
 * Results must not depend on which thread did an item: `run` writes only to the item's own place.
 */

#include "base/base.h"

/* Runs run(context, item) for every item in [0, item_count), over at most thread_count threads
 * (the calling one included). A `run` that fails keeps its error in its own item's place.
 * LX_ERR_IO or LX_ERR_NO_MEMORY if a thread cannot be started; some items may have run then. */
LX_MUST_USE enum lx_err host_parallel(int thread_count, size_t item_count,
                                      void (*run)(void *context, size_t item), void *context,
                                      struct lx_error *err);

struct host_thread;
LX_MUST_USE enum lx_err host_thread_start(void (*run)(void *context), void *context,
                                          struct host_thread **ret_thread, struct lx_error *err);
void host_thread_join(struct host_thread *thread); /* waits and frees; NULL is fine */

/* A queue of pointers with a maximum: put waits while it is full, get while it is empty.
 * After close, put is refused (false) and get drains what is left, then gives false. */
struct host_queue;
LX_MUST_USE enum lx_err host_queue_open(size_t max_count, struct host_queue **ret_queue,
                                        struct lx_error *err);
bool host_queue_put(struct host_queue *queue, void *item);
bool host_queue_get(struct host_queue *queue, void **ret_item);
/* Waits as get does, then takes what is there, up to `max` items; 0 once it is closed and empty. */
size_t host_queue_get_some(struct host_queue *queue, void **ret_items, size_t max);
/* As put, but false at once where the queue is full. */
bool host_queue_offer(struct host_queue *queue, void *item);
size_t host_queue_count(struct host_queue *queue);
void host_queue_close(struct host_queue *queue); /* no more puts; any thread, any number of times */
void host_queue_release(struct host_queue *queue); /* after every user has gone; NULL is fine */

/* Held for a few instructions, never while waiting. */
struct host_mutex;
LX_MUST_USE enum lx_err host_mutex_open(struct host_mutex **ret_mutex, struct lx_error *err);
void host_mutex_lock(struct host_mutex *mutex);
void host_mutex_unlock(struct host_mutex *mutex);
void host_mutex_close(struct host_mutex *mutex); /* NULL is fine */

#endif
