// SPDX-License-Identifier: AGPL-3.0-or-later
// Health and figures: /healthz says that the process answers, /readyz that it can work, /metrics how much.
#include "api/answer.h"
#include "api/app.h"
#include "api/guard.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "base/clock.h"
#include "jobs/jobs.h"
#include "sql_gen.h"

enum { STUCK_MS = 60 * 1000 };

static bool get_health(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)req;
    (void)conn;
    (void)err;
    reply->content_type = S("text/plain; charset=utf-8");
    buf_add(&reply->body, S("ok\n"));
    return true;
}

static bool get_ready(struct request *req, struct conn *unused, struct reply *reply, struct err *err)
{
    struct app *app = req->app;
    i64 one;
    (void)unused;
    if (atomic_load(&app->stopping))
        return err_retry(err, ERR_UNAVAILABLE, 5, "Heed is stopping.");
    struct conn *conn = db_take(app->db);
    struct err why = {};
    bool answers = db_one_i64(conn, &SQL_agent_any_owner, DB_NO_ARGS, &one, &why);
    db_give(app->db, conn);
    if (!answers)
        return err_retry(err, ERR_UNAVAILABLE, 2, "The database does not answer.");
    if (app->jobs && clock_mono() - jobs_progress_at(app->jobs) > STUCK_MS)
        return err_retry(err, ERR_UNAVAILABLE, 5, "The workers make no progress.");
    reply->content_type = S("text/plain; charset=utf-8");
    buf_add(&reply->body, S("ready\n"));
    return true;
}

// Loopback sees them; from elsewhere (a proxy's X-Forwarded-For counts) a token with the scope metrics.
static bool may_see_metrics(struct request *req, struct conn *conn, struct err *err)
{
    enum credential credential;
    struct str peer = req->peer;
    bool local = str_starts(peer, S("127.")) || str_eq(peer, S("::1")) || str_starts(peer, S("::ffff:127."));
    if (local && !str_given(http_header(req->http, "authorization")))
        return true;
    return guard_identify(req, conn, &credential, err) && guard_right(req, err);
}

static bool get_metrics(struct request *req, struct conn *unused, struct reply *reply, struct err *err)
{
    (void)unused;
    struct conn *conn = db_take(req->app->db);
    bool fine = may_see_metrics(req, conn, err);
    if (fine) {
        reply->content_type = S("text/plain; version=0.0.4; charset=utf-8");
        metrics_print(req->app, conn, &reply->body);
    }
    db_give(req->app->db, conn);
    return fine;
}

const struct route health_routes[] = {
    {HTTP_GET_, "/healthz", MAY_ANYONE, "getHealth", "The process answers", .success = 200,
     .flags = ROUTE_LOCAL | ROUTE_BYTES, .read = get_health},
    {HTTP_GET_, "/readyz", MAY_ANYONE, "getReady",
     "The database answers, the workers work, and it is not stopping", .success = 200,
     .flags = ROUTE_LOCAL | ROUTE_BYTES, .read = get_ready},
    {HTTP_GET_, "/metrics", MAY_METRICS, "getMetrics",
     "Figures for Prometheus: loopback, or a token with that scope", .success = 200,
     .flags = ROUTE_LOCAL | ROUTE_BYTES, .read = get_metrics},
    {},
};
