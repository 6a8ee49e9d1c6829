//! nginx, with whatever is in its `http` block.

use std::fs;
use std::path::Path;

use anyhow::Context;
use tempfile::TempDir;

use super::daemon::{Daemon, Listens};
use crate::process::is_root;
use crate::scratch;
use crate::site::Site;

const PROGRAM: &str = "/usr/sbin/nginx";

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    /// Host and port.
    pub address: String,
    /// Ends before the folder with its files goes.
    pub daemon: Daemon,
    /// Its files.
    pub folder: TempDir,
}

/// Whether the program is there.
pub fn is_installed() -> bool {
    Path::new(PROGRAM).is_file()
}

/// A folder for one.
pub fn new_folder() -> anyhow::Result<TempDir> {
    scratch::folder("nginx")
}

/// Starts it with this in the `http` block, in which `@FOLDER@` and `@ADDRESS@` stand for its folder and where it
/// listens.
pub fn start(folder: TempDir, http: &str, site: &Site) -> anyhow::Result<Nginx> {
    let files = folder.path();
    let address = site.free_address()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Its workers read what only root may.
    let user = if is_root() { "user root;" } else { "" };
    let text = TEMPLATE
        .replace("@HTTP@", http)
        .replace("@CORES@", &cores.to_string())
        .replace("@USER@", user)
        .replace("@FOLDER@", &files.display().to_string())
        .replace("@ADDRESS@", &address);
    let configuration = files.join("nginx.conf");
    fs::write(&configuration, text).context("the configuration of nginx cannot be written")?;
    let mut nginx = site.command(Path::new(PROGRAM));
    nginx.arg("-c").arg(&configuration).arg("-p").arg(files);
    nginx.arg("-e").arg(files.join("error.log"));
    let daemon = Daemon::start(nginx, site, &files.join("output.log"), &Listens::Tcp(&address))?;
    Ok(Nginx { address, daemon, folder })
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
