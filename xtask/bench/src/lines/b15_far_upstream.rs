//! B15: clients whose upstream is 80 ms and 100 Mbit/s away, against a mirror on their own network.
//!
//! The far upstream that they would ask without a mirror is an incumbent; ours follows an upstream that is just as
//! far. The incumbents stand on the near network too, to tell what nearness alone is worth.

use std::time::Duration;

use anyhow::ensure;

use crate::client::clone_request::{self, Depth};
use crate::client::namespace_client::{NamespaceClient, Task};
use crate::network::{self, Line, Network};
use crate::repositories::generated_repository::small_one;
use crate::repositories::git::{Git, text};
use crate::results::comparison::{Series, Times, compare};
use crate::results::report::Report;
use crate::run::Run;
use crate::scene::Scene;
use crate::scratch;
use crate::site::Site;
use crate::testbed::{Access, Arrival, Contender, Standing, Testbed};

/// One line for the list.
pub const SUMMARY: &str = "upstream 80 ms and 100 Mbit/s away, mirror on the LAN: what clients wait for";

const LINE: Line =
    Line { way: Duration::from_millis(40), bytes_per_second: 100e6 / 8.0, queue_bytes: 4_000_000 };
const AT_ONCE: usize = 8;
/// So many full clones take about a minute over the far line, whatever the round.
const MOST_ROUNDS_OF_FULL_CLONES: usize = 2;
const SHALLOW: Times = Times { name: "B15 depth=1 clone, times faster", at_least: 7.0 };
const LISTING: Times = Times { name: "B15 ls-remote, times faster", at_least: 7.0 };
const SMALL: Times = Times { name: "B15 small clone, times faster", at_least: 5.5 };
const FULL: Times = Times { name: "B15 8 full clones at once (raw), times faster", at_least: 9.5 };

/// Makes the network and clones over it.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    if let Some(reason) = network::why_not() {
        return Ok(Report { setting: format!("Skipped: {reason}."), ..Report::default() });
    }
    let source = run.large_repository()?;
    // Dropped last: the servers listen on its devices.
    let network = Network::make(LINE)?;
    let far_for_near = Site::at(Some(&network.far), Network::FAR_FOR_NEAR);
    let testbed = Testbed::open_at(run, &far_for_near, &Site::at(None, Network::NEAR))?;
    let far = testbed.start_incumbents_at(&Site::at(Some(&network.far), Network::FAR_FOR_CLIENTS))?;
    let folder = scratch::folder("repository")?;
    small_one(&Git::without_credentials(), &folder.path().join("small.git"))?;
    let small =
        testbed.publish("small", &folder.path().join("small.git"), Access::Public, Arrival::Pushed)?;
    let medium = testbed.publish("medium", &source, Access::Public, Arrival::Pushed)?;
    let scene = Scene::new(&testbed, &medium)?;
    let mut client = NamespaceClient::start(&network.clients)?;

    // Far ones first: they are the yardstick. Near incumbents are peers here.
    let contenders_of = |subject| -> Vec<Contender> {
        let near = testbed.contenders(subject).into_iter().map(|mut contender| {
            if !contender.is_ours() {
                contender.name = format!("near {}", contender.name);
                contender.standing = Standing::Peer;
            }
            contender
        });
        let far = testbed.contenders_of(&far, subject).into_iter().map(|mut contender| {
            contender.name = format!("far {}", contender.name);
            contender
        });
        near.chain(far).collect()
    };
    let (mediums, smalls) = (contenders_of(&medium), contenders_of(&small));
    let empty = || mediums.iter().map(Series::of).collect::<Vec<_>>();
    let (mut shallow, mut listing, mut clone, mut full) = (empty(), empty(), empty(), empty());
    for round in run.rounds() {
        testbed.push(&medium)?;
        testbed.push(&small)?;
        let refs = medium.author.refs()?;
        let body = String::from_utf8(clone_request::clone(refs.values(), Depth::Full))?;
        for turn in 0..mediums.len() {
            let index = (turn + round) % mediums.len();
            let (medium_url, small_url) = (&mediums[index].url, &smalls[index].url);
            let folder = scratch::folder_in_memory("clone")?;
            let into = |name: &str| Ok::<_, anyhow::Error>(text(&folder.path().join(name))?.to_owned());
            let git = |arguments: &[&str]| Task::Git {
                arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
                folder: folder.path().to_owned(),
                authorization: None,
            };
            // The first clone after a push is not the one that is measured.
            for number in 0..2 {
                let branch = &medium.author.branch;
                let path = into(&format!("shallow-{number}"))?;
                let seconds = client.run(&git(&[
                    "clone", "--quiet", "--bare", "--depth", "1", "--branch", branch, medium_url, &path,
                ]))?;
                let branch = &small.author.branch;
                let small_path = into(&format!("small-{number}"))?;
                let small_seconds = client.run(&git(&[
                    "clone",
                    "--quiet",
                    "--bare",
                    "--branch",
                    branch,
                    small_url,
                    &small_path,
                ]))?;
                let listed = client.run(&git(&["ls-remote", "--quiet", small_url]))?;
                if number > 0 {
                    shallow[index].samples.push(seconds);
                    clone[index].samples.push(small_seconds);
                    listing[index].samples.push(listed);
                    check(&path, &medium.author.tip()?)?;
                    check(&small_path, &small.author.tip()?)?;
                }
            }
            // One far server is enough where the line is the limit.
            let is_another_far_one = index > mediums.len() - far.len();
            if round < MOST_ROUNDS_OF_FULL_CLONES && !is_another_far_one {
                let task = |at_once| Task::Clones { url: medium_url.clone(), body: body.clone(), at_once };
                if mediums[index].is_ours() {
                    client.run(&task(1))?;
                }
                full[index].samples.push(client.run(&task(AT_ONCE))?);
            }
        }
    }
    full.retain(|series| series.samples.len() > 0);

    let mut report = Report {
        setting: format!("{} And a small one; LAN of 1 Gbit/s.", run.medium_setting()?),
        ..Report::default()
    };
    compare(&mut report, "depth=1 clone", "s", &shallow, Some(SHALLOW));
    compare(&mut report, "ls-remote, small", "s", &listing, Some(LISTING));
    compare(&mut report, "small clone", "s", &clone, Some(SMALL));
    compare(&mut report, "8 full clones at once (raw)", "s", &full, Some(FULL));
    scene.conclude(&mut report)?;
    let ping = LINE.way * 2;
    report.notes.push(format!("the mirror's own way to its upstream has {} ms too", ping.as_millis()));
    Ok(report)
}

fn check(clone: &str, tip: &str) -> anyhow::Result<()> {
    let git = Git::without_credentials();
    let clone = std::path::Path::new(clone);
    git.check_connectivity(clone)?;
    let found = git.run(clone, &["rev-parse", "HEAD"])?;
    ensure!(found == tip, "a clone has {found}, {tip} was pushed");
    Ok(())
}
