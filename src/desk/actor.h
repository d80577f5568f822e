// SPDX-License-Identifier: AGPL-3.0-or-later
// Who asks. Every desk function that reads or changes a workspace's things takes the actor; what the
// actor may not see is ERR_NOT_FOUND, what it may not do is ERR_DENIED.
#pragma once
#include "store/db.h"
#include "json/field.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_COLLABORATOR, ROLE_AGENT, ROLE_LEAD, ROLE_ADMIN, ROLE_OWNER };
extern const char *const role_names[]; // "viewer", …, NULL; index role - 1
enum role role_find(struct str name);  // ROLE_NONE: unknown

// Each right is named once, here; roles grow from viewer to owner.
enum right {
    MAY_ANYONE, // no session needed
    MAY_READ,   // viewer
    MAY_NOTE,   // collaborator
    MAY_REPLY,  // agent: reply, like, delete own
    MAY_TRIAGE, // agent: status, tags, assign, priority, snooze
    MAY_LEAD,   // lead: teams, tags themselves
    MAY_ADMIN,  // admin: channels, agents, tokens, settings
    MAY_OWN,    // owner: owners
    MAY_METRICS,
    MAY_VISIT, // a visitor of a channel, with the token of their session; nobody of the team
};
enum scope { SCOPE_READ = 1, SCOPE_WRITE = 2, SCOPE_ADMIN = 4, SCOPE_METRICS = 8, SCOPE_ALL = 15 };

struct actor {
    i64 workspace_id;
    i64 agent_id; // 0: the system
    enum role role;
    unsigned scopes; // SCOPE_ALL for sessions
    i64 session_id, token_id;
    bool all_channels, all_teams;
    bool must_enroll; // the workspace wants a second factor of this role, and there is none yet
    struct id_list channels, teams;
    struct str name, email;
};
bool actor_may(const struct actor *actor, enum right right);
// The channel is in their channels and the team is theirs or empty.
bool actor_sees(const struct actor *actor, i64 channel_id, i64 team_id);
// Loads role and limits afresh (also for open streams). ERR_UNAUTHENTICATED when disabled or gone.
bool actor_load(struct conn *conn, i64 agent_id, struct arena *arena, struct actor *out,
                struct err *err) MUST_CHECK;
// The program itself, in one workspace: sees and may everything.
struct actor actor_system(i64 workspace_id);
// Who did what to which: an event about no conversation, its data {member: id}.
bool actor_log(struct tx *tx, const struct actor *actor, const char *kind, const char *member, i64 id,
               struct err *err) MUST_CHECK;
