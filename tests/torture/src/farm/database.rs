//! An empty database for a server: a file on its disk, or one on a PostgreSQL server behind a line that can be cut.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use heliostat_machines::Relay;

/// A database and the line that leads to it.
#[derive(Debug)]
pub struct Database {
    /// Its address, as a server is told.
    pub url: String,
    /// Where it can be cut off; a file cannot.
    pub line: Option<Relay>,
}

/// Makes one.
pub fn new_database(postgres: Option<&str>, root: &Path, owner: &str) -> anyhow::Result<Database> {
    let Some(administrator) = postgres else {
        let file = root.join("heliostat.db");
        return Ok(Database { url: format!("sqlite:{}", file.display()), line: None });
    };
    let name = format!("torture_{}_{}", std::process::id(), owner.replace('-', "_"));
    tell(administrator, &format!("CREATE DATABASE {name}"))?;
    let (server, _) = administrator.rsplit_once('/').context("the address of PostgreSQL names a database")?;
    let (user, host) = server.rsplit_once('@').context("the address of PostgreSQL names a user")?;
    let target = host.to_socket_addrs()?.next().with_context(|| format!("{host} leads nowhere"))?;
    let line = Relay::start(target);
    Ok(Database { url: format!("{user}@{}/{name}", line.address), line: Some(line) })
}

fn tell(administrator: &str, statement: &str) -> anyhow::Result<()> {
    let told = Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--dbname", administrator, "--command", statement])
        .status()
        .context("psql cannot be run; it comes with PostgreSQL")?;
    if !told.success() {
        bail!("PostgreSQL refused: {statement}");
    }
    Ok(())
}
