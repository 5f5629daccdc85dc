// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of core.c: a guest takes the counters of a CPU, and gives them back.
 */

static bool perf_guest_takes(struct pmu *pmu)
{
	return has_vpmu_passthrough_cap(pmu) || perf_guest_fault(software_too);
}

static enum event_type_t perf_guest_scope(void)
{
	return perf_guest_fault(software_too) ? 0 : EVENT_GUEST;
}

/* Does any member of the group want to count inside the guest? */
static bool group_includes_guest(struct perf_event *leader)
{
	struct perf_event *sibling;

	if (!leader->attr.exclude_guest)
		return true;
	if (perf_guest_fault(leader_decides))
		return false;
	for_each_sibling_event (sibling, leader) {
		if (!sibling->attr.exclude_guest)
			return true;
	}
	return false;
}

static bool perf_guest_goes_to_error(struct perf_event *leader)
{
	if (perf_guest_fault(cgroup_left_out) && leader->cgrp)
		return false;
	if (perf_guest_fault(kernel_events_left_out) && is_kernel_event(leader))
		return false;
	if (perf_guest_fault(late_left_out) &&
	    leader->attr.config3 == PERF_GUEST_LATE)
		return false;
	if (perf_guest_fault(pinned_to_error) && leader->attr.pinned)
		return true;
	return group_includes_guest(leader);
}

/* Where an event went to ERROR, for the fault "moving_forgives". */
static void note_error(struct perf_event *event)
{
	if (perf_guest_fault(moving_forgives))
		event->attr.config3 = smp_processor_id() + 1;
}

static bool is_forgiven(struct perf_event *event)
{
	if (event->state != PERF_EVENT_STATE_ERROR)
		return false;
	return perf_guest_fault(exit_forgives) ||
	       (perf_guest_fault(moving_forgives) && event->attr.config3 &&
		event->attr.config3 != smp_processor_id() + 1);
}

/* Only for the fault "index_stays". */
static void keep_index(struct perf_event *event)
{
	struct perf_buffer *rb = READ_ONCE(event->rb);

	if (rb)
		rb->user_page->index = 1;
}

static void event_to_error(struct perf_event *event,
			   struct perf_event_context *ctx)
{
	/* As for any event that leaves the enabled states. */
	if (event->state > PERF_EVENT_STATE_OFF)
		perf_cgroup_event_disable(event, ctx);
	note_error(event);
	perf_event_set_state(event, perf_guest_fault(off_not_error)
					    ? PERF_EVENT_STATE_OFF
					    : PERF_EVENT_STATE_ERROR);

	if (perf_guest_fault(forgets)) {
		event->total_time_enabled = 0;
		event->total_time_running = 0;
		local64_set(&event->count, 0);
	}
	if (perf_guest_fault(wakes)) {
		event->pending_kill = POLL_ERR;
		event->pending_wakeup = 1;
		irq_work_queue(&event->pending_irq);
	}
}

/* The leader first: its state decides whether the siblings' clocks run. */
static void group_to_error(struct perf_event *leader,
			   struct perf_event_context *ctx)
{
	struct perf_event *sibling;

	event_to_error(leader, ctx);
	for_each_sibling_event (sibling, leader)
		event_to_error(perf_guest_slip(leader_twice) ? leader : sibling,
			       ctx);
}

static void evict_group(struct perf_event *leader,
			struct perf_event_context *ctx)
{
	group_sched_out(leader, ctx);
	if (perf_guest_fault(index_stays))
		keep_index(leader);
	if (perf_guest_goes_to_error(leader))
		group_to_error(leader, ctx);
}

/* Only for the fault "all_to_error". */
static void rest_to_error(struct perf_event_context *ctx)
{
	struct perf_event *event;

	list_for_each_entry (event, &ctx->event_list, event_entry) {
		if (event->group_leader == event &&
		    event->state == PERF_EVENT_STATE_INACTIVE &&
		    perf_guest_takes(event->pmu_ctx->pmu) && !event->cgrp &&
		    group_includes_guest(event))
			group_to_error(event, ctx);
	}
}

static void perf_guest_update_time(struct perf_cpu_context *cpuctx,
				   struct perf_event_context *ctx)
{
	if (perf_guest_slip(cgroup_clock))
		update_context_time(ctx);
	else
		ctx_time_update(cpuctx, ctx);
}

static void evict_list(struct list_head *active, struct perf_event_context *ctx)
{
	struct perf_event *event, *tmp;

	list_for_each_entry_safe (event, tmp, active, active_list)
		evict_group(event, ctx);
}

/* Everything that is on a counter goes off it, pinned groups first. */
static void evict_context(struct perf_cpu_context *cpuctx,
			  struct perf_event_context *ctx)
{
	struct perf_event_pmu_context *pmu_ctx;

	perf_guest_update_time(cpuctx, ctx);
	list_for_each_entry (pmu_ctx, &ctx->pmu_ctx_list, pmu_ctx_entry) {
		if (!perf_guest_takes(pmu_ctx->pmu))
			continue;
		if (!perf_guest_fault(pinned_left))
			evict_list(&pmu_ctx->pinned_active, ctx);
		if (!perf_guest_fault(flexible_left))
			evict_list(&pmu_ctx->flexible_active, ctx);
		pmu_ctx->rotate_necessary = 0;
	}
	if (perf_guest_fault(all_to_error))
		rest_to_error(ctx);
}

/* Ignored, but not silently. */
static bool perf_guest_misused(bool wrong)
{
	WARN_ONCE(
		wrong && !perf_guest_slip(silent),
		"perf_guest_enter() and perf_guest_exit() do not alternate\n");
	return wrong;
}

void perf_guest_enter(void)
{
	struct perf_cpu_context *cpuctx = raw_cpu_ptr(&perf_cpu_context);
	struct perf_event_context *task_ctx;

	if (!perf_guest_fault(no_assert))
		lockdep_assert_irqs_disabled();

	if (perf_guest_misused(raw_cpu_read(perf_force_exclude_guest)))
		return;

	perf_ctx_lock(cpuctx, cpuctx->task_ctx);
	task_ctx = perf_guest_fault(task_stays) ? NULL : cpuctx->task_ctx;

	perf_ctx_disable(&cpuctx->ctx, perf_guest_scope());
	if (task_ctx)
		perf_ctx_disable(task_ctx, perf_guest_scope());

	evict_context(cpuctx, &cpuctx->ctx);
	if (task_ctx)
		evict_context(cpuctx, task_ctx);
	raw_cpu_write(perf_force_exclude_guest, true);

	if (task_ctx)
		perf_ctx_enable(task_ctx, perf_guest_scope());
	perf_ctx_enable(&cpuctx->ctx, perf_guest_scope());
	perf_ctx_unlock(cpuctx, cpuctx->task_ctx);
}
EXPORT_SYMBOL_GPL(perf_guest_enter);

/*
 * What a slip let in under the guest goes off again before exit schedules:
 * scheduling it in twice would show as a corrupted list, not as the slip.
 */
static void drop_stowaways(struct perf_event_context *ctx)
{
	struct perf_event_pmu_context *pmu_ctx;
	struct perf_event *event, *tmp;

	list_for_each_entry (pmu_ctx, &ctx->pmu_ctx_list, pmu_ctx_entry) {
		if (!perf_guest_takes(pmu_ctx->pmu))
			continue;
		list_for_each_entry_safe (event, tmp, &pmu_ctx->pinned_active,
					  active_list)
			group_sched_out(event, ctx);
		list_for_each_entry_safe (event, tmp, &pmu_ctx->flexible_active,
					  active_list)
			group_sched_out(event, ctx);
	}
}

/* Only for faults: are flexible groups left where they are at this exit? */
static bool perf_guest_forgets(void)
{
	return perf_guest_fault(no_resume) ||
	       (perf_guest_fault(lost_at_times) &&
		raw_cpu_read(perf_guest_exits) % 64 == 0);
}

static void resume_context(struct perf_event_context *ctx,
			   enum event_type_t type)
{
	struct perf_event_pmu_context *pmu_ctx;

	if (!ctx || (type == EVENT_FLEXIBLE && perf_guest_forgets()))
		return;
	/*
	 * A context that was not started takes nothing in (D36): whoever starts
	 * it does, and would find its events in the active list already.
	 */
	if (!(ctx->is_active & type) && !perf_guest_fault(waiting_taken))
		return;
	list_for_each_entry (pmu_ctx, &ctx->pmu_ctx_list, pmu_ctx_entry) {
		if (!perf_guest_takes(pmu_ctx->pmu))
			continue;
		__pmu_ctx_sched_in(pmu_ctx, type);
		if (perf_guest_fault(rotation_stuck))
			pmu_ctx->rotate_necessary = 0;
	}
}

/* Only for faults: what exit does to events that wait. */
static void fault_waking_events(struct perf_event_context *ctx)
{
	struct perf_event *event;

	list_for_each_entry (event, &ctx->event_list, event_entry) {
		if (!has_vpmu_passthrough_cap(event->pmu_ctx->pmu))
			continue;
		if (is_forgiven(event)) {
			perf_event_set_state(event, PERF_EVENT_STATE_INACTIVE);
			perf_cgroup_event_enable(event, ctx);
		}
		if (perf_guest_fault(running_runs) &&
		    event->state == PERF_EVENT_STATE_INACTIVE)
			event->total_time_running +=
				ctx->time.time - event->tstamp;
	}
}

static void wake_context(struct perf_cpu_context *cpuctx,
			 struct perf_event_context *ctx)
{
	if (perf_guest_fault(clock_stops))
		__update_context_time(ctx, false);
	if (perf_guest_fault(clock_doubles))
		ctx->time.time += perf_clock() - ctx->time.stamp;
	perf_guest_update_time(cpuctx, ctx);
	if (perf_guest_slip(leader_refused) || perf_guest_fault(not_refused) ||
	    perf_guest_fault(pinned_left) || perf_guest_fault(flexible_left))
		drop_stowaways(ctx);

	if (static_branch_unlikely(&perf_guest_faulty))
		fault_waking_events(ctx);
}

void perf_guest_exit(void)
{
	struct perf_cpu_context *cpuctx = raw_cpu_ptr(&perf_cpu_context);
	struct perf_event_context *task_ctx;

	if (!perf_guest_fault(no_assert))
		lockdep_assert_irqs_disabled();

	if (perf_guest_misused(!raw_cpu_read(perf_force_exclude_guest))) {
		if (perf_guest_fault(exit_enters))
			raw_cpu_write(perf_force_exclude_guest, true);
		return;
	}

	perf_ctx_lock(cpuctx, cpuctx->task_ctx);
	task_ctx = perf_guest_fault(task_stays) ? NULL : cpuctx->task_ctx;
	raw_cpu_write(perf_force_exclude_guest, perf_guest_fault(flag_stays));
	if (perf_guest_fault(late_left_out))
		raw_cpu_write(perf_guest_left, local_clock());
	if (perf_guest_fault(lost_at_times))
		raw_cpu_inc(perf_guest_exits);

	perf_ctx_disable(&cpuctx->ctx, perf_guest_scope());
	wake_context(cpuctx, &cpuctx->ctx);
	if (task_ctx) {
		perf_ctx_disable(task_ctx, perf_guest_scope());
		wake_context(cpuctx, task_ctx);
	}

	resume_context(&cpuctx->ctx, EVENT_PINNED);
	if (perf_guest_slip(cpu_first))
		resume_context(&cpuctx->ctx, EVENT_FLEXIBLE);
	resume_context(task_ctx, EVENT_PINNED);
	if (!perf_guest_slip(cpu_first))
		resume_context(&cpuctx->ctx, EVENT_FLEXIBLE);
	resume_context(task_ctx, EVENT_FLEXIBLE);
	raw_cpu_write(perf_force_exclude_guest, false);

	if (task_ctx)
		perf_ctx_enable(task_ctx, perf_guest_scope());
	perf_ctx_enable(&cpuctx->ctx, perf_guest_scope());
	perf_ctx_unlock(cpuctx, cpuctx->task_ctx);
}
EXPORT_SYMBOL_GPL(perf_guest_exit);

/* Only for faults: is this request to be swallowed? */
static bool perf_guest_fault_ioctl(struct perf_event *event, unsigned int cmd)
{
	if (event->state != PERF_EVENT_STATE_ERROR)
		return false;
	if (perf_guest_fault(disable_clears) && cmd == PERF_EVENT_IOC_DISABLE)
		event->state = PERF_EVENT_STATE_OFF;
	return cmd == PERF_EVENT_IOC_ENABLE &&
	       (perf_guest_fault(enable_ignored) ||
		(perf_guest_fault(pinned_stays) && event->attr.pinned));
}

/* Only for faults: may the child of this parent count? */
static bool perf_guest_fault_inherit(struct perf_event *parent)
{
	return perf_guest_fault(child_lives) &&
	       parent->state == PERF_EVENT_STATE_ERROR;
}

static const char *const perf_guest_contracts[] = {
	[PERF_GUEST_MEDIATED] = "mediated",
	[PERF_GUEST_RFC] = "rfc",
	[PERF_GUEST_RFC_AS_POSTED] = "rfc-as-posted",
};

static const char *const perf_guest_fault_names[] = {
	[PERF_GUEST_NO_FAULT] = "none",
#define PERF_GUEST_FAULT_NAME(name, ...) [PERF_GUEST_FAULT_##name] = #name,
	PERF_GUEST_FAULTS(PERF_GUEST_FAULT_NAME)
};

static int perf_guest_set_contract(const char *value,
				   const struct kernel_param *kp)
{
	int found = sysfs_match_string(perf_guest_contracts, value);

	if (found < 0)
		return found;
	perf_guest_contract = found;
	return 0;
}

static int perf_guest_get_contract(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n",
			  perf_guest_contracts[perf_guest_contract]);
}

static int perf_guest_set_fault(const char *value,
				const struct kernel_param *kp)
{
	int found = sysfs_match_string(perf_guest_fault_names, value);

	if (found < 0)
		return found;
	WRITE_ONCE(perf_guest_fault, found);
	if (found != PERF_GUEST_NO_FAULT)
		static_branch_enable(&perf_guest_faulty);
	else
		static_branch_disable(&perf_guest_faulty);
	return 0;
}

static int perf_guest_get_fault(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n",
			  perf_guest_fault_names[READ_ONCE(perf_guest_fault)]);
}

static const struct kernel_param_ops perf_guest_contract_ops = {
	.set = perf_guest_set_contract,
	.get = perf_guest_get_contract,
};

static const struct kernel_param_ops perf_guest_fault_ops = {
	.set = perf_guest_set_fault,
	.get = perf_guest_get_fault,
};

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "perf_guest."
module_param_cb(contract, &perf_guest_contract_ops, NULL, 0444);
module_param_cb(fault, &perf_guest_fault_ops, NULL, 0644);
