//! `GET /healthz` of all roles: what orchestrators ask to find out whether a process is alive.
//!
//! It is answered while the process answers at all, whatever its database, its disk or its upstream do: none of these gets
//! better when the process is killed, and a mirror that is killed in its first synchronisation begins anew. Whether a
//! server may take traffic is another question, `GET /readyz`, which is answered as `/status` is.

use poem::endpoint::make_sync;
use poem::http::{StatusCode, header};
use poem::{Response, RouteMethod, get};

/// Says that the process is alive.
pub fn liveness() -> RouteMethod {
    get(make_sync(|_| {
        Response::builder()
            .status(StatusCode::OK)
            .content_type("text/plain; charset=utf-8")
            .header(header::CACHE_CONTROL, "no-store")
            .body("alive\n")
    }))
}
