//! Two namespaces beside this one: the far one with the upstream, and the one of the clients.
//!
//! This namespace is the near side: mirror and near servers run here. The clients reach it over a veth pair of
//! 1 Gbit/s, and the far side over a line of their own that is as long and as narrow as the mirror's.

use anyhow::Context;

use super::far_line::Line;
use crate::process::{self, LOOK_UP_TIMEOUT, is_root};

const NEAR_END_OF_FAR_LINE: &str = "10.213.3.2";
const NEAR_RATE: &str = "1gbit";

/// Where the kernel lists the devices of this namespace.
pub const DEVICES: &str = "/sys/class/net";
/// Where `ip netns` keeps namespaces.
pub const NAMESPACES: &str = "/run/netns";
/// Every name of a run's begins with this; then come a letter and the process id.
const PREFIX: &str = "hb";

/// The namespaces; they go with the value.
#[derive(Debug)]
pub struct Network {
    /// Where the upstream is.
    pub far: String,
    /// Where the clients are.
    pub clients: String,
    run: u32,
}

impl Network {
    /// Address of the near servers.
    pub const NEAR: &'static str = "10.213.1.1";
    /// Address of far servers, for the clients.
    pub const FAR_FOR_CLIENTS: &'static str = "10.213.2.1";
    /// Address of far servers, for the near ones.
    pub const FAR_FOR_NEAR: &'static str = "10.213.3.1";

    /// Makes everything; near processes reach the far side over such a line.
    pub fn make(line: Line) -> anyhow::Result<Self> {
        let run = std::process::id();
        let network = Network { far: name('f', run), clients: name('c', run), run };
        let (far, clients) = (network.far.as_str(), network.clients.as_str());
        // No leftover of a network that could not be made stays: the value removes what is there.
        for namespace in [far, clients] {
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        let (near_end, client_end) = (name('n', run), name('v', run));
        ip(&["link", "add", &near_end, "type", "veth", "peer", "name", &client_end])?;
        ip(&["link", "set", &client_end, "netns", clients])?;
        up(None, &near_end, &format!("{}/24", Self::NEAR))?;
        up(Some(clients), &client_end, "10.213.1.2/24")?;
        limit(None, &near_end)?;
        limit(Some(clients), &client_end)?;

        let devices = ['a', 'b', 'c', 'd'].map(|letter| name(letter, run));
        let [client_tun, far_tun, near_tun, far_tun_of_near] = devices.each_ref().map(String::as_str);
        line.lay(client_tun, far_tun)?;
        line.lay(near_tun, far_tun_of_near)?;
        for (device, namespace) in [(client_tun, clients), (far_tun, far), (far_tun_of_near, far)] {
            ip(&["link", "set", device, "netns", namespace])?;
        }
        up(Some(clients), client_tun, "10.213.2.2/24")?;
        up(Some(far), far_tun, &format!("{}/24", Self::FAR_FOR_CLIENTS))?;
        up(None, near_tun, &format!("{NEAR_END_OF_FAR_LINE}/24"))?;
        up(Some(far), far_tun_of_near, &format!("{}/24", Self::FAR_FOR_NEAR))?;
        // The upstream calls its mirror, which has one address for all of them.
        ip(&["-n", far, "route", "add", &format!("{}/32", Self::NEAR), "via", NEAR_END_OF_FAR_LINE])?;
        Ok(network)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Devices go with their namespaces, and with the other end of a pair.
        for near in ['n', 'c'] {
            let _ = remove_device(&name(near, self.run));
        }
        for namespace in [&self.far, &self.clients] {
            let _ = remove_namespace(namespace);
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
    let probe = name('p', std::process::id());
    let made = ip(&["netns", "add", &probe]).and_then(|()| remove_namespace(&probe));
    made.err().map(|error| format!("no network namespace may be made here: {error:#}"))
}

/// The name of a device or a namespace of a run.
fn name(letter: char, run: u32) -> String {
    format!("{PREFIX}{letter}{run}")
}

/// The run that made the device or the namespace of this name.
pub fn run_of_name(name: &str) -> Option<u32> {
    let mut rest = name.strip_prefix(PREFIX)?.chars();
    rest.next().filter(char::is_ascii_lowercase)?;
    rest.as_str().parse().ok()
}

/// Removes a device of this namespace, and the other end of a pair.
pub fn remove_device(device: &str) -> anyhow::Result<()> {
    ip(&["link", "del", device])
}

/// Removes a namespace with the devices in it.
pub fn remove_namespace(namespace: &str) -> anyhow::Result<()> {
    ip(&["netns", "del", namespace])
}

/// What a run that is killed leaves.
#[cfg(test)]
pub fn leave_something(run: u32) -> anyhow::Result<()> {
    let (far, near_end, far_end) = (name('f', run), name('n', run), name('v', run));
    ip(&["netns", "add", &far])?;
    ip(&["link", "add", &near_end, "type", "veth", "peer", "name", &far_end])?;
    ip(&["link", "set", &far_end, "netns", &far])
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
    let mut command = process::command(program);
    process::succeed(command.args(arguments), LOOK_UP_TIMEOUT)
        .context("is the package iproute2 installed?")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_they_are() {
        assert_eq!(run_of_name(&name('f', 12)), Some(12));
        for other in ["eth0", "hb", "hb12", "hbf", "hbf12x"] {
            assert_eq!(run_of_name(other), None, "{other}");
        }
    }
}
