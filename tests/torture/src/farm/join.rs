//! A mirror joins: it asks, is accepted, and has everything once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::place::{Place, Role};
use super::{ADMIN_PASSWORD, wait_for};
use crate::client::HttpClient;

const JOIN_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Accepts the request of a mirror by its name and waits until it has what the upstream has.
pub fn join(upstream: &Place, name: &str, address: SocketAddr) -> anyhow::Result<Place> {
    let requests = "/rest/mirroring/latest/requests?state=PENDING&limit=100";
    let id = wait_for("the mirror's request", JOIN_PATIENCE, || {
        let (_, page) = upstream.admin().rest("GET", requests, None).ok()?;
        let request = page["values"].as_array()?.iter().find(|request| request["mirrorName"] == name)?;
        Some(request["id"].clone())
    })?;
    upstream.must("POST", &format!("/rest/mirroring/latest/requests/{id}/accept"), None)?;
    let asked = HttpClient::of_user(address, "admin", ADMIN_PASSWORD);
    let installed = wait_for("the mirror to be installed", JOIN_PATIENCE, || {
        let (_, page) = asked.rest("GET", "/rest/mirroring/latest/upstreamServers", None).ok()?;
        let first = page["values"].get(0)?;
        (first["state"] == "INSTALLED").then(|| first["id"].clone())
    })?;
    let role = Role::Mirror(installed.as_str().context("an upstream has an id")?.to_owned());
    let mirror = Place { name: name.to_owned(), address, role, ids: upstream.ids.clone() };
    wait_for("the mirror to have everything", JOIN_PATIENCE, || {
        let (here, there) = (mirror.hashes()?, upstream.hashes()?);
        (here == there).then_some(Value::Null)
    })?;
    Ok(mirror)
}
