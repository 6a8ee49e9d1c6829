//! nginx, with whatever is in its `http` block.

use std::fs;
use std::path::Path;

use anyhow::Context;
use tempfile::TempDir;

use super::daemon::{Daemon, Listens, free_port};
use crate::bench::site::Site;
use crate::debian::is_root;

const PROGRAM: &str = "/usr/sbin/nginx";

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    /// Host and port.
    pub address: String,
    /// The process.
    pub daemon: Daemon,
}

/// Whether the program is there.
pub fn is_installed() -> bool {
    Path::new(PROGRAM).is_file()
}

/// A folder for one.
pub fn new_folder() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("heliostat-bench-nginx-").tempdir()?)
}

/// Starts it with this in the `http` block, in which `@FOLDER@` and `@ADDRESS@` stand for its folder and where it
/// listens.
pub fn start(folder: &Path, http: &str, site: &Site) -> anyhow::Result<Nginx> {
    let address = format!("{}:{}", site.address, free_port()?);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Its workers read what only root may.
    let user = if is_root() { "user root;" } else { "" };
    let text = TEMPLATE
        .replace("@HTTP@", http)
        .replace("@CORES@", &cores.to_string())
        .replace("@USER@", user)
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@ADDRESS@", &address);
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, text).context("the configuration of nginx cannot be written")?;
    let mut nginx = site.command(Path::new(PROGRAM));
    nginx.arg("-c").arg(&configuration).arg("-p").arg(folder);
    nginx.arg("-e").arg(folder.join("error.log"));
    let daemon = Daemon::start(nginx, site, &folder.join("output.log"), &Listens::Tcp(&address))?;
    Ok(Nginx { address, daemon })
}

const TEMPLATE: &str = r#"
worker_processes @CORES@;
daemon off;
pid @FOLDER@/pid;
@USER@
events { worker_connections 1024; }
http {
  access_log off; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path @FOLDER@/b; fastcgi_temp_path @FOLDER@/f; proxy_temp_path @FOLDER@/p;
  uwsgi_temp_path @FOLDER@/u; scgi_temp_path @FOLDER@/s;
@HTTP@
}
"#;
