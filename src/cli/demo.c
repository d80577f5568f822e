// SPDX-License-Identifier: AGPL-3.0-or-later
// The demo's thread and its world.
#include "cli/demo.h"

bool demo_start(struct app *app, struct demo **ret_demo, struct err *err)
{
    (void)app;
    *ret_demo = NULL;
    return err_set(err, ERR_INTERNAL, "The demo is not built yet.");
}

void demo_stop(struct demo *demo)
{
    (void)demo;
}
