// SPDX-License-Identifier: GPL-2.0-only
/*
 * The findings of this folder, without the suite: one program, no library but
 * libc, one vCPU in real mode.
 *
 *   gcc -O2 -pthread -o reproduce reproduce.c
 *   ./reproduce NAME
 *
 * NAME is backwards, page, fresh, cgroup, watchdog, mapping, warning, enable or
 * arrives.
 *
 * Needs root, enable_mediated_pmu=1, kernel.nmi_watchdog=0 and two CPUs.
 * Prints what it saw. Exit status 0: it did not show. 1: it did. 2: not tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUEST_CPU 1
#define GUEST_MS 300
#define LONGEST_MS 60000
#define WATCHDOG "/proc/sys/kernel/nmi_watchdog"

static void cannot(const char *what)
{
	fprintf(stderr, "reproduce: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void must(int good, const char *what)
{
	if (!good)
		cannot(what);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity()");
}

/*
 * A VM, its vCPU, and the thread that runs it. The guest is "jmp ." in real
 * mode; an alarm of the thread's own makes KVM_RUN return.
 */
struct guest {
	int vm, vcpu;
	pid_t tid;
	pthread_t thread;
	volatile int started, stop;
	volatile uint64_t entries;
	void (*after)(void *arg);
	void *arg;
};

static void make_vm(struct guest *guest)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	must(kvm >= 0, "/dev/kvm");
	guest->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	must(guest->vm >= 0, "KVM_CREATE_VM");
	must(!ioctl(guest->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	must(guest->vcpu >= 0, "KVM_CREATE_VCPU");
	close(kvm);
}

static void load_code(struct guest *guest)
{
	const uint8_t jump_to_itself[] = { 0xeb, 0xfe };
	struct kvm_userspace_memory_region region = { .memory_size = 4096 };
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(page != MAP_FAILED, "mmap()");
	memcpy(page, jump_to_itself, sizeof(jump_to_itself));
	region.userspace_addr = (uintptr_t)page;
	must(!ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region),
	     "KVM_SET_USER_MEMORY_REGION");
	must(!ioctl(guest->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	must(!ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) &&
		     !ioctl(guest->vcpu, KVM_SET_REGS, &regs),
	     "KVM_SET_SREGS");
}

static void take_signal(int number)
{
	(void)number;
}

static void *run_guest(void *arg)
{
	struct guest *guest = arg;

	run_on(GUEST_CPU);
	guest->tid = (pid_t)syscall(SYS_gettid);
	guest->started = 1;
	while (!guest->entries) /* let main open its event */
		sched_yield();
	while (!guest->stop) {
		ioctl(guest->vcpu, KVM_RUN, 0);
		guest->entries++;
	}
	if (guest->after)
		guest->after(guest->arg);
	return NULL;
}

static void make_guest(struct guest *guest)
{
	struct sigaction action = { .sa_handler = take_signal };

	sigaction(SIGUSR1, &action, NULL);
	make_vm(guest);
	load_code(guest);
	must(!pthread_create(&guest->thread, NULL, run_guest, guest),
	     "pthread_create()");
	while (!guest->started)
		sched_yield();
}

/* Interrupt the guest @exits times in @ms milliseconds, then let it end. */
static void let_run(struct guest *guest, unsigned int ms, unsigned int exits)
{
	uint64_t from = now_ms(), kicks = 0;

	guest->entries = 1;
	while (now_ms() < from + ms || kicks < exits) {
		if (!exits || now_ms() - from < kicks * ms / exits)
			continue;
		pthread_kill(guest->thread, SIGUSR1);
		kicks++;
	}
}

static void end_guest(struct guest *guest)
{
	guest->stop = 1;
	while (pthread_tryjoin_np(guest->thread, NULL))
		pthread_kill(guest->thread, SIGUSR1);
}

static struct perf_event_attr instructions(int exclude_guest)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_guest = (unsigned int)exclude_guest,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
	};

	return attr;
}

static int try_event(int exclude_guest, pid_t task, int cpu,
		     unsigned long flags)
{
	struct perf_event_attr attr = instructions(exclude_guest);

	return (int)syscall(SYS_perf_event_open, &attr, task, cpu, -1, flags);
}

struct value {
	uint64_t count, enabled, running;
};

static struct value value_of(int fd)
{
	struct value value;

	must(read(fd, &value, sizeof(value)) == sizeof(value), "read()");
	return value;
}

/*
 * D27: time_enabled goes backwards for a reader on another CPU, if it reads
 * both while the guest is in and soon after that: it reads until it did.
 */
static int backwards(void)
{
	struct guest guest = { 0 };
	uint64_t last = 0, worst = 0, from, took;
	unsigned int steps = 0;
	int fd;

	make_guest(&guest);
	fd = try_event(1, guest.tid, -1, 0);
	must(fd >= 0, "perf_event_open()");
	guest.entries = 1;
	from = now_ms();
	do {
		uint64_t enabled = value_of(fd).enabled;

		if (enabled < last) {
			steps++;
			if (last - enabled > worst)
				worst = last - enabled;
		}
		last = enabled;
		took = now_ms() - from;
	} while (took < GUEST_MS || (!steps && took < LONGEST_MS));
	end_guest(&guest);
	printf("time_enabled went back %u times in %.1f s, by up to %.3f ms\n",
	       steps, (double)took / 1e3, (double)worst / 1e6);
	return steps > 0;
}

static uint64_t page_enabled(const volatile struct perf_event_mmap_page *page)
{
	uint32_t sequence;
	uint64_t enabled;

	do {
		sequence = page->lock;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		enabled = page->time_enabled;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (page->lock != sequence);
	return enabled;
}

struct look {
	int fd;
	struct perf_event_mmap_page *page;
	uint64_t by_page, by_read;
};

/* RESET makes the kernel write the page; read() comes after it. */
static void look_at_page(void *arg)
{
	struct look *look = arg;

	ioctl(look->fd, PERF_EVENT_IOC_RESET, 0);
	look->by_page = page_enabled(look->page);
	look->by_read = value_of(look->fd).enabled;
}

static int tell_page(const struct look *look)
{
	printf("time_enabled: the page says %.3f ms, read() right after it %.3f ms\n",
	       (double)look->by_page / 1e6, (double)look->by_read / 1e6);
	return look->by_page > look->by_read;
}

/* D28: the page of an active event shows all guest time of its context. */
static int page(void)
{
	struct guest guest = { 0 };
	struct look look;

	make_guest(&guest);
	look.fd = try_event(1, guest.tid, -1, 0);
	must(look.fd >= 0, "perf_event_open()");
	look.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			 look.fd, 0);
	must(look.page != MAP_FAILED, "mmap()");
	guest.after = look_at_page;
	guest.arg = &look;
	let_run(&guest, GUEST_MS, 0);
	end_guest(&guest);
	return tell_page(&look);
}

static void open_and_look(void *arg)
{
	struct look *look = arg;

	look->fd = try_event(1, -1, GUEST_CPU, 0);
	must(look->fd >= 0, "perf_event_open()");
	look->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			  look->fd, 0);
	must(look->page != MAP_FAILED, "mmap()");
	look_at_page(look);
}

/* D29: so does the page of an event that was opened after the guest. */
static int fresh(void)
{
	struct guest guest = { 0 };
	int other = try_event(1, -1, GUEST_CPU, 0);
	struct look look;

	must(other >= 0, "perf_event_open()");
	make_guest(&guest);
	guest.after = open_and_look;
	guest.arg = &look;
	let_run(&guest, GUEST_MS, 0);
	end_guest(&guest);
	return tell_page(&look);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	must(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
	close(fd);
}

static const char *cgroup_root(void)
{
	return access("/sys/fs/cgroup/cgroup.procs", F_OK)
		       ? "/sys/fs/cgroup/unified"
		       : "/sys/fs/cgroup";
}

/* D35: a cgroup's event runs longer than it is enabled. */
static int cgroup(void)
{
	const char *root = cgroup_root();
	struct guest guest = { 0 };
	char path[128], procs[160];
	struct value value;
	int folder, fd;

	snprintf(path, sizeof(path), "%s/repro-%d", root, getpid());
	must(!mkdir(path, 0700), path);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	folder = open(path, O_RDONLY | O_DIRECTORY);
	fd = open(procs, O_WRONLY);
	must(fd >= 0 && write(fd, "0", 1) == 1, procs);
	close(fd);
	fd = try_event(1, folder, GUEST_CPU, PERF_FLAG_PID_CGROUP);
	must(fd >= 0, "perf_event_open()");
	make_guest(&guest);
	let_run(&guest, GUEST_MS, 200);
	end_guest(&guest);
	value = value_of(fd);
	printf("enabled %llu ns, running %llu ns, difference %lld ns\n",
	       (unsigned long long)value.enabled,
	       (unsigned long long)value.running,
	       (long long)(value.enabled - value.running));
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", root);
	fd = open(procs, O_WRONLY);
	must(fd >= 0 && write(fd, "0", 1) == 1, procs);
	/* A thread that was joined may still be on its way out. */
	for (uint64_t from = now_ms(); rmdir(path) && now_ms() < from + 5000;)
		sched_yield();
	return value.running > value.enabled;
}

static int watchdog_set(const char *value)
{
	int fd = open(WATCHDOG, O_WRONLY);
	int good = fd >= 0 && write(fd, value, 1) == 1;

	close(fd);
	return good;
}

static char watchdog_reads(void)
{
	char value = '?';
	int fd = open(WATCHDOG, O_RDONLY);

	must(fd >= 0 && read(fd, &value, 1) == 1, WATCHDOG);
	close(fd);
	return value;
}

/* Another VM would be refused if the watchdog had its event. */
static int watchdog(void)
{
	struct guest guest = { 0 }, other = { 0 };
	char reads;
	pid_t child;
	int status;

	make_vm(&guest);
	must(watchdog_set("1"), WATCHDOG);
	reads = watchdog_reads();
	close(guest.vcpu);
	close(guest.vm);
	child = fork();
	if (!child) {
		make_vm(&other);
		_exit(0);
	}
	waitpid(child, &status, 0);
	watchdog_set("0");
	printf("beside the VM nmi_watchdog read %c; after it another VM was %s\n",
	       reads, status ? "refused" : "made");
	return reads == '1' && !status;
}

/* D34: a mapping of kvm_run keeps the VM, and its claim. */
static int mapping(void)
{
	struct guest guest = { 0 };
	void *run;
	int fd, err;

	make_vm(&guest);
	run = mmap(NULL, 4096, PROT_READ, MAP_SHARED, guest.vcpu, 0);
	must(run != MAP_FAILED, "mmap()");
	close(guest.vcpu);
	close(guest.vm);
	fd = try_event(0, -1, GUEST_CPU, 0);
	err = fd < 0 ? errno : 0;
	munmap(run, 4096);
	printf("all descriptors closed: perf_event_open() says %s; unmapped: %s\n",
	       strerror(err),
	       strerror(try_event(0, -1, GUEST_CPU, 0) < 0 ? errno : 0));
	return err != 0;
}

/*
 * An event on GUEST_CPU of a cgroup that nobody is in, which goes at once. A
 * task of another cgroup than the idle CPU's, the root, would start the context
 * there.
 */
static int event_elsewhere(void)
{
	char path[128];
	int folder, fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup_root());
	write_to(path, "0");
	snprintf(path, sizeof(path), "%s/repro-%d", cgroup_root(), getpid());
	must(!mkdir(path, 0700), path);
	folder = open(path, O_RDONLY | O_DIRECTORY);
	fd = try_event(1, folder, GUEST_CPU, PERF_FLAG_PID_CGROUP);
	close(folder);
	rmdir(path);
	must(fd >= 0, "perf_event_open()");
	return fd;
}

/* Where the kernel's log is now; what it warns of once it warns of again. */
static void mark_log(char mark[64])
{
	int fd = open("/sys/kernel/debug/clear_warn_once", O_WRONLY);

	if (fd >= 0 && write(fd, "1", 1) == 1)
		close(fd);
	snprintf(mark, 64, "reproduce %d %llu", getpid(),
		 (unsigned long long)now_ms());
	write_to("/dev/kmsg", mark);
}

/* "WARNING: ..." and the function, in one line since the mark? */
static int has_warned(const char *mark, const char *function)
{
	static char log[1 << 20];
	const int read_all = 3; /* SYSLOG_ACTION_READ_ALL */
	int size, warned = 0;
	char *line, *rest;

	size = klogctl(read_all, log, sizeof(log) - 1);
	must(size >= 0, "klogctl()");
	line = strstr(log, mark);
	must(line != NULL, "the kernel's log");
	for (line = strtok_r(line, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		warned |= strstr(line, "WARNING: ") && strstr(line, function);
	printf("a warning in %s(): %s\n", function, warned ? "yes" : "no");
	return warned;
}

/* D36: guest exit warns. */
static int warning(void)
{
	struct guest guest = { 0 };
	char mark[64];

	mark_log(mark);
	event_elsewhere();
	make_guest(&guest);
	let_run(&guest, 50, 5);
	end_guest(&guest);
	return has_warned(mark, "ctx_sched_in");
}

/* D50: so does a task with an event that comes to the CPU. */
static int arrives(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.disabled = 1,
	};
	char mark[64];

	mark_log(mark);
	event_elsewhere();
	must(syscall(SYS_perf_event_open, &attr, -1, GUEST_CPU, -1, 0) >= 0 &&
		     try_event(1, 0, -1, 0) >= 0,
	     "perf_event_open()");
	run_on(GUEST_CPU);
	return has_warned(mark, "visit_groups_merge");
}

/* D37: enabled, and does not count. */
static int enable(void)
{
	struct perf_event_attr attr = instructions(1);
	int fd;

	run_on(GUEST_CPU);
	event_elsewhere();
	attr.disabled = 1;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, GUEST_CPU, -1, 0);
	must(fd >= 0 && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0),
	     "perf_event_open()");
	for (volatile int i = 0; i < 100000; i++)
		;
	printf("enabled on its own CPU, it counted %llu instructions\n",
	       (unsigned long long)value_of(fd).count);
	return !value_of(fd).count;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*shows)(void);
	} findings[] = {
		{ "backwards", backwards }, { "page", page },
		{ "fresh", fresh },	    { "cgroup", cgroup },
		{ "watchdog", watchdog },   { "mapping", mapping },
		{ "warning", warning },	    { "enable", enable },
		{ "arrives", arrives },
	};

	for (size_t i = 0; i < sizeof(findings) / sizeof(*findings); i++) {
		if (argc == 2 && !strcmp(argv[1], findings[i].name)) {
			run_on(0);
			return findings[i].shows();
		}
	}
	fprintf(stderr,
		"usage: reproduce backwards|page|fresh|cgroup|watchdog|mapping|warning|enable|arrives\n");
	return 2;
}
