#ifndef HOST_FAULT_H
#define HOST_FAULT_H

/* fault: what host_fault_after planted, asked by every operation that changes the disk. Private to
 * host. Threads: safe. */

/* 0, or the errno value with which the operation that is about to run must fail. */
int host_fault_next(void);

#endif
