// SPDX-License-Identifier: AGPL-3.0-or-later
// The way of a mail: into a child, taken apart there, and back as bytes that our side believes nothing of.
#include "mail/parse.h"
#include "base/buf.h"

void mail_prepare(void)
{
}

bool mail_parse(struct str raw, struct arena *arena, struct mail *ret, struct err *err)
{
    (void)raw;
    (void)arena;
    (void)ret;
    return err_field(err, "mail", "bad_mail", "Mail cannot be read yet.");
}

bool mail_job(struct str input, struct buf *output)
{
    (void)input;
    buf_add(output, S("Mail cannot be read yet."));
    return false;
}

enum child_result mail_take_apart(struct nursery *nursery, size_t kind, struct str raw, struct arena *arena,
                                  struct mail *ret, struct err *err)
{
    struct str answer;
    (void)ret;
    enum child_result result = nursery_run(nursery, kind, raw, arena, &answer);
    err_field(err, "mail", "bad_mail", "Mail cannot be read yet.");
    return result == CHILD_DIED ? CHILD_DIED : CHILD_REFUSED;
}
