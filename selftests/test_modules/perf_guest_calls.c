// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls perf's guest interface the way a hypervisor would, or must not. What is
 * written to /sys/module/perf_guest_calls/parameters/call is done on the
 * writer's CPU:
 *
 *   enter, exit   with interrupts off, as they must be
 *   enter-on, exit-on   the same with interrupts on
 *
 * A number written to .../cost makes that many pairs of enter and exit, with
 * interrupts off; it then reads as the least and the most time stamp counts one
 * pair took, and the same for no call at all. Where the counter counts
 * instructions (QEMU's -icount), these are exact.
 *
 * A CPU left after "enter" looks to perf like one that runs a guest, although
 * its counters are idle: what perf does about events then can be watched
 * without a guest coming and going. Remove the module and every CPU is left.
 *
 * Which interface is called follows perf_guest.contract where that exists,
 * else it is the mediated one.
 */
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/smp.h>
#include <linux/string.h>

#include <asm/tsc.h>

#if __has_include(<linux/perf_guest.h>)
#include <linux/perf_guest.h>
#else
static inline bool perf_guest_speaks_rfc(void)
{
	return false;
}
static inline void perf_guest_enter(void)
{
}
static inline void perf_guest_exit(void)
{
}
#endif

static struct cpumask entered;

static void do_enter(void)
{
	if (perf_guest_speaks_rfc())
		perf_guest_enter();
	else
		perf_load_guest_context();
	cpumask_set_cpu(raw_smp_processor_id(), &entered);
}

static void do_exit_guest(void)
{
	if (perf_guest_speaks_rfc())
		perf_guest_exit();
	else
		perf_put_guest_context();
	cpumask_clear_cpu(raw_smp_processor_id(), &entered);
}

static void with_interrupts_off(void (*call)(void))
{
	unsigned long flags;

	local_irq_save(flags);
	call();
	local_irq_restore(flags);
}

/* On one CPU all the same: moving away in the middle is not the question. */
static void with_interrupts_on(void (*call)(void))
{
	preempt_disable();
	call();
	preempt_enable();
}

static int call_set(const char *value, const struct kernel_param *kp)
{
	if (sysfs_streq(value, "enter"))
		with_interrupts_off(do_enter);
	else if (sysfs_streq(value, "exit"))
		with_interrupts_off(do_exit_guest);
	else if (sysfs_streq(value, "enter-on"))
		with_interrupts_on(do_enter);
	else if (sysfs_streq(value, "exit-on"))
		with_interrupts_on(do_exit_guest);
	else
		return -EINVAL;
	return 0;
}

static int call_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%*pbl\n", cpumask_pr_args(&entered));
}

static const struct kernel_param_ops call_ops = {
	.set = call_set,
	.get = call_get,
};

module_param_cb(call, &call_ops, NULL, 0600);
MODULE_PARM_DESC(call,
		 "what to do on this CPU; reads as the CPUs left after enter");

/* What a pair of calls costs. */
struct cost {
	u64 least;
	u64 most;
};

static struct cost cost_of_calls, cost_of_nothing;

static void nothing(void)
{
}

static noinline void take_cost(struct cost *cost, unsigned int rounds,
			       void (*first)(void), void (*second)(void))
{
	*cost = (struct cost){ .least = U64_MAX };
	while (rounds--) {
		u64 from = rdtsc_ordered(), took;

		first();
		second();
		took = rdtsc_ordered() - from;
		cost->least = min(cost->least, took);
		cost->most = max(cost->most, took);
	}
}

static int cost_set(const char *value, const struct kernel_param *kp)
{
	unsigned int rounds;
	unsigned long flags;
	int err = kstrtouint(value, 0, &rounds);

	if (err || !rounds || rounds > 10000)
		return -EINVAL;
	local_irq_save(flags);
	take_cost(&cost_of_nothing, rounds, nothing, nothing);
	take_cost(&cost_of_calls, rounds,
		  perf_guest_speaks_rfc() ? perf_guest_enter
					  : perf_load_guest_context,
		  perf_guest_speaks_rfc() ? perf_guest_exit
					  : perf_put_guest_context);
	local_irq_restore(flags);
	return 0;
}

static int cost_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%llu %llu %llu %llu\n", cost_of_calls.least,
			  cost_of_calls.most, cost_of_nothing.least,
			  cost_of_nothing.most);
}

static const struct kernel_param_ops cost_ops = {
	.set = cost_set,
	.get = cost_get,
};

module_param_cb(cost, &cost_ops, NULL, 0600);
MODULE_PARM_DESC(cost, "pairs of calls to make; reads as what one took");

static void leave(void *unused)
{
	if (cpumask_test_cpu(smp_processor_id(), &entered))
		do_exit_guest();
}

static int __init calls_init(void)
{
	return 0;
}

static void __exit calls_exit(void)
{
	on_each_cpu(leave, NULL, 1);
}

module_init(calls_init);
module_exit(calls_exit);
MODULE_DESCRIPTION("Calls perf's guest interface, rightly and wrongly");
MODULE_LICENSE("GPL");
