//! Two namespaces beside this one: the far one with the upstream, and the one of the clients.
//!
//! This namespace is the near side: mirror and near servers run here. The clients reach it over a veth pair of
//! 1 Gbit/s, and the far side over a line of their own that is as long and as narrow as the mirror's.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::far_line::Line;
use crate::debian::is_root;

/// 80 ms there and back, 100 Mbit/s.
const FAR: Line =
    Line { way: Duration::from_millis(40), bytes_per_second: 100e6 / 8.0, queue_bytes: 4_000_000 };
const NEAR_END_OF_FAR_LINE: &str = "10.213.3.2";
const NEAR_RATE: &str = "1gbit";

/// The namespaces; they go with the value.
#[derive(Debug)]
pub struct Network {
    /// Where the upstream is.
    pub far: String,
    /// Where the clients are.
    pub clients: String,
    suffix: u32,
}

impl Network {
    /// Address of the near servers.
    pub const NEAR: &'static str = "10.213.1.1";
    /// Address of far servers, for the clients.
    pub const FAR_FOR_CLIENTS: &'static str = "10.213.2.1";
    /// Address of far servers, for the near ones.
    pub const FAR_FOR_NEAR: &'static str = "10.213.3.1";

    /// Makes everything.
    pub fn make() -> anyhow::Result<Self> {
        let suffix = std::process::id();
        let network = Network { far: format!("hbf{suffix}"), clients: format!("hbc{suffix}"), suffix };
        let (far, clients) = (network.far.as_str(), network.clients.as_str());
        // No leftover of a network that could not be made stays: the value removes what is there.
        for namespace in [far, clients] {
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        let (near_end, client_end) = (format!("hbn{suffix}"), format!("hbv{suffix}"));
        ip(&["link", "add", &near_end, "type", "veth", "peer", "name", &client_end])?;
        ip(&["link", "set", &client_end, "netns", clients])?;
        up(None, &near_end, &format!("{}/24", Self::NEAR))?;
        up(Some(clients), &client_end, "10.213.1.2/24")?;
        limit(None, &near_end)?;
        limit(Some(clients), &client_end)?;

        let devices = ["a", "b", "c", "d"].map(|letter| format!("hb{letter}{suffix}"));
        let [client_tun, far_tun, near_tun, far_tun_of_near] = devices.each_ref().map(String::as_str);
        FAR.lay(client_tun, far_tun)?;
        FAR.lay(near_tun, far_tun_of_near)?;
        for (device, namespace) in [(client_tun, clients), (far_tun, far), (far_tun_of_near, far)] {
            ip(&["link", "set", device, "netns", namespace])?;
        }
        up(Some(clients), client_tun, "10.213.2.2/24")?;
        up(Some(far), far_tun, &format!("{}/24", Self::FAR_FOR_CLIENTS))?;
        up(None, near_tun, &format!("{NEAR_END_OF_FAR_LINE}/24"))?;
        up(Some(far), far_tun_of_near, &format!("{}/24", Self::FAR_FOR_NEAR))?;
        // The upstream calls its mirror, which has one address for everybody.
        ip(&["-n", far, "route", "add", &format!("{}/32", Self::NEAR), "via", NEAR_END_OF_FAR_LINE])?;
        Ok(network)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Devices go with their namespaces, and with the other end of a pair.
        let near_end = format!("hbn{}", self.suffix);
        let near_tun = format!("hbc{}", self.suffix);
        let _ = ip(&["link", "del", &near_end]);
        let _ = ip(&["link", "del", &near_tun]);
        for namespace in [&self.far, &self.clients] {
            let _ = ip(&["netns", "del", namespace]);
        }
    }
}

/// Why a network cannot be made here, if so.
pub fn why_not() -> Option<String> {
    if !is_root() {
        return Some("namespaces and TUN devices need root".into());
    }
    if !std::path::Path::new("/dev/net/tun").exists() {
        return Some("this machine has no /dev/net/tun".into());
    }
    let probe = format!("hbp{}", std::process::id());
    let made = ip(&["netns", "add", &probe]).and_then(|()| ip(&["netns", "del", &probe]));
    made.err().map(|error| format!("no network namespace may be made here: {error:#}"))
}

fn up(namespace: Option<&str>, device: &str, address: &str) -> anyhow::Result<()> {
    for arguments in [&["addr", "add", address, "dev", device][..], &["link", "set", device, "up"]] {
        ip(&in_namespace(namespace, arguments))?;
    }
    Ok(())
}

fn limit(namespace: Option<&str>, device: &str) -> anyhow::Result<()> {
    let arguments = [
        "qdisc", "add", "dev", device, "root", "tbf", "rate", NEAR_RATE, "burst", "512kb", "latency", "50ms",
    ];
    run("tc", &in_namespace(namespace, &arguments))
}

fn in_namespace<'a>(namespace: Option<&'a str>, arguments: &[&'a str]) -> Vec<&'a str> {
    let prefix = namespace.map(|name| ["-n", name]);
    prefix.into_iter().flatten().chain(arguments.iter().copied()).collect()
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {program}: install the package iproute2"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {} failed: {}", arguments.join(" "), said.trim());
    Ok(())
}
