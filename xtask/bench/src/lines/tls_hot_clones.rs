//! Hot clones once more over TLS and with a token, as they are served across a building. Ours speaks TLS itself; every other
//! server, and ours once more, is behind the same kind of proxy, whose computing time counts for the server behind it.
//!
//! There is no goal: the larger the answer, the more of the time goes into encryption, which is the same for all.

use crate::client::clone_request::Depth;
use crate::lines::hot_clones;
use crate::results::report::Report;
use crate::run::Run;
use crate::scene::Scene;

/// One line for the list.
pub const SUMMARY: &str =
    "hot clones over TLS with a token, medium repository: server CPU per full and per depth=1 clone";

/// Raw requests between pushes.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (testbed, subject) = run.medium()?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    let (mirror, secured) = testbed.secured(run, subject)?;
    let scene = Scene::over_tls(testbed, subject, secured)?;
    for depth in [Depth::Full, Depth::One] {
        hot_clones::measure(run, &scene, depth, None, &mut report)?;
    }
    testbed.upstream.remove_mirror(&mirror)?;
    Ok(report)
}
