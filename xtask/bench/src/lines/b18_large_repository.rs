//! B18: what B1 and B2 measure, on a repository of the size of git's own.

use crate::client::clone_request::Depth;
use crate::lines::hot_clones;
use crate::repositories::git::Git;
use crate::results::comparison::Times;
use crate::results::report::Report;
use crate::run::Run;
use crate::scene::Scene;
use crate::testbed::{Access, Arrival};

/// One line for the list.
pub const SUMMARY: &str = "hot clones, large repository: server CPU per full and per depth=1 clone";

const FULL: Times = Times { name: "B18 hot full clone, large, times less server CPU", at_least: 30.0 };
const SHALLOW: Times = Times { name: "B18 hot depth=1 clone, large, times less server CPU", at_least: 300.0 };

/// Both kinds, one after the other.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let source = run.huge_repository()?;
    let size = Git::without_credentials().size_mib(&source)?;
    let testbed = run.testbed()?;
    let subject = testbed.publish("large", &source, Access::Public, Arrival::Pushed)?;
    let mut report = Report { setting: format!("{}: {size:.0} MiB.", source.display()), ..Report::default() };
    for (depth, goal) in [(Depth::Full, FULL), (Depth::One, SHALLOW)] {
        hot_clones::measure(run, &Scene::new(testbed, &subject)?, depth, Some(goal), &mut report)?;
    }
    Ok(report)
}
