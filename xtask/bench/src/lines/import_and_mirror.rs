//! IMPORT: a large repository is imported into the upstream and comes to the mirror, against plain clones of it.
//!
//! `heliostat repository import` moves it into the upstream; its yardstick is `git clone --mirror` of the same
//! folder over `file://`, which moves the same bytes through the same checks. Then the mirror fetches it; its
//! yardstick is `git clone --mirror` from the same upstream over HTTP.

use crate::measuring::effort::Efforts;
use crate::ours::farm::{Upstream, check_clone, check_refs};
use crate::repositories::git::{Git, text};
use crate::results::report::Report;
use crate::run::Run;
use crate::scratch;

/// One line for the list.
pub const SUMMARY: &str =
    "one repository of about 75 MB imported, then mirrored, against `git clone --mirror` of it";

/// Imports the repository again and again under new names.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let source = run.large_repository()?;
    let local = Git::without_credentials();
    // Not only branches and tags: a mirror clone has what forges keep beside them, and all of it is imported.
    let refs = local.refs(&source)?;
    let upstream = Upstream::start(&run.binary)?;
    let mirror = upstream.accept(upstream.new_mirror(&run.binary, "importer")?)?;
    let servers = [upstream.server.pid(), mirror.server.pid()];

    let (mut imported, mut mirrored, mut whole) = <(Efforts, Efforts, Efforts)>::default();
    let (mut from_folder, mut from_upstream) = <(Efforts, Efforts)>::default();
    for round in run.rounds() {
        let name = format!("large-{round}");
        let repository = whole.add(&servers, || {
            // The mirror is told while the import ends, and may begin before the command has returned.
            imported.add(&servers, || upstream.import(&name, &source, &[]))?;
            let repository = upstream.find_repository(&name)?;
            mirrored.add(&servers, || mirror.wait_for(&repository))?;
            Ok(repository)
        })?;
        check_refs(&upstream.git, &repository.url(&mirror.server), &refs)?;
        if round == 0 {
            check_clone(&upstream.git, &repository.url(&mirror.server))?;
        }
        let folder = scratch::folder("repository")?;
        from_folder.add(&[], || {
            let url = format!("file://{}", text(&source)?);
            local.clone_mirror(&url, &folder.path().join("from-folder.git"))
        })?;
        from_upstream.add(&servers, || {
            let into = folder.path().join("from-upstream.git");
            upstream.git.clone_mirror(&repository.url(&upstream.server), &into)
        })?;
        upstream.delete_repository(&repository)?;
    }

    let size = local.size_mib(&source)?;
    let mut report = Report {
        setting: format!("{}: {size:.0} MiB, {} refs.", source.display(), refs.len()),
        ..Report::default()
    };
    report.measured("import into the upstream, wall", "s", &imported.wall);
    report.measured("git clone --mirror file://, wall", "s", &from_folder.wall);
    report.measured("import done -> the mirror has it, wall", "s", &mirrored.wall);
    report.measured("git clone --mirror from the upstream, wall", "s", &from_upstream.wall);
    report.measured("import and mirroring together, wall", "s", &whole.wall);
    report.measured("import and mirroring together, CPU of all processes", "CPU-s", &whole.cpu);
    report.measured("git clone --mirror file://, CPU", "CPU-s", &from_folder.cpu);
    report.measured("git clone --mirror from the upstream, CPU of all", "CPU-s", &from_upstream.cpu);
    report.compared("git clone --mirror file:// / import, wall", &from_folder.wall, &imported.wall);
    report.compared(
        "git clone --mirror from the upstream / mirror, wall",
        &from_upstream.wall,
        &mirrored.wall,
    );
    Ok(report)
}
