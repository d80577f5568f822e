// SPDX-License-Identifier: AGPL-3.0-or-later
// The button "test": one real call, answered in words.
#include "jobs/network.h"
#include "jobs/poll.h"

static enum step_result health_step(struct step *step, const void *arg)
{
    const struct channel_driver *driver = arg;
    return driver->health(step);
}

bool channel_test(const struct jobs_settings *settings, i64 workspace_id, i64 channel_id, struct arena *arena,
                  bool *ret_ok, struct str *ret_detail, struct err *err)
{
    struct network_run run;
    struct step step = {.arena = arena};
    if (!network_open(&run, settings, workspace_id, channel_id, arena, err))
        return false;
    const struct channel_driver *driver = channel_driver_find(run.row.kind);
    if (!driver || !driver->health)
        return err_set(err, ERR_CONFLICT, "This kind of channel cannot be tested.");
    *ret_ok = network_go(&run, &step, health_step, driver) == STEP_DONE;
    *ret_detail = str_copy(arena, str_from(step.reason));
    return true;
}
