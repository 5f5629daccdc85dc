// SPDX-License-Identifier: GPL-2.0-only
#include <sys/resource.h>
#include <time.h>

#include "clock.h"
#include "../../guest_code/wait_hint.h"

#define S_NS 1000000000ull
#define US_NS 1000ull

static uint64_t read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * S_NS + (uint64_t)ts.tv_nsec;
}

uint64_t now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC_RAW);
}

static uint64_t timeval_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * S_NS + (uint64_t)tv->tv_usec * US_NS;
}

void busy_until(uint64_t at_ns)
{
	while (now_ns() < at_ns)
		wait_hint();
}

/* As the C library makes them: the thread's number, and whose clock it is. */
#define THREAD_CLOCK(tid) ((clockid_t)((~(unsigned int)(tid) << 3) | 6))

uint64_t thread_time_ns(pid_t tid)
{
	struct timespec now;

	if (clock_gettime(THREAD_CLOCK(tid), &now))
		return 0;
	return (uint64_t)now.tv_sec * S_NS + (uint64_t)now.tv_nsec;
}

uint64_t cpu_time_ns(void)
{
	struct rusage gone = { 0 };

	getrusage(RUSAGE_CHILDREN, &gone);
	return read_ns(CLOCK_PROCESS_CPUTIME_ID) + timeval_ns(&gone.ru_utime) +
	       timeval_ns(&gone.ru_stime);
}
