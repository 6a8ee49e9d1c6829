//! nginx with fcgiwrap in front of `git http-backend`, once as it is and once with a cache of POST answers.
//!
//! The cache is what can be had from nginx without a line of code: the request's body is part of the key, identical
//! requests wait for the first one, and only fetches are kept, because a listing would be stale after a push.

use std::path::Path;

use anyhow::Context;

use super::Peer;
use super::daemon::{Daemon, Listens};
use super::nginx::{self, Nginx};
use super::served::ServedFolder;
use crate::site::Site;

/// Runs CGI programs for nginx.
const FCGIWRAP: &str = "/usr/sbin/fcgiwrap";

/// As many requests are worked on at once.
const WORKERS: &str = "40";

const UNBUFFERED: &str = "fastcgi_buffering off; fastcgi_request_buffering off;";

/// Keeps answers for as long as any run takes. The key must fit the buffer for the head of a kept answer.
const POST_CACHE: &str = r#"
      fastcgi_buffering on; fastcgi_request_buffering on;
      client_body_buffer_size 4m;
      fastcgi_buffer_size 512k; fastcgi_buffers 16 512k; fastcgi_busy_buffers_size 1m;
      fastcgi_cache answers;
      fastcgi_cache_methods GET HEAD POST;
      fastcgi_cache_key "$request_method $uri $http_git_protocol $http_content_encoding $request_body";
      fastcgi_cache_lock on; fastcgi_cache_lock_timeout 600s; fastcgi_cache_lock_age 600s;
      fastcgi_cache_valid 200 24h;
      fastcgi_ignore_headers Cache-Control Expires;
      fastcgi_cache_bypass $is_no_fetch; fastcgi_no_cache $is_no_fetch;
      access_log @FOLDER@/cache.log cache;
"#;

/// Whether both programs are there.
pub fn is_installed() -> bool {
    nginx::is_installed() && Path::new(FCGIWRAP).is_file()
}

/// As it is usually set up.
pub fn start(served: &ServedFolder, site: &Site) -> anyhow::Result<Peer> {
    start_with(served, site, "nginx + fcgiwrap", UNBUFFERED, true)
}

/// The same for those alone whom a file names with their passwords.
pub fn start_for_readers(served: &ServedFolder, site: &Site, readers: &Path) -> anyhow::Result<Peer> {
    let forwarding =
        format!("{UNBUFFERED} auth_basic repositories; auth_basic_user_file {};", readers.display());
    start_with(served, site, "nginx + fcgiwrap", &forwarding, true)
}

/// With the cache of answers.
pub fn start_with_post_cache(served: &ServedFolder, site: &Site) -> anyhow::Result<Peer> {
    start_with(served, site, "nginx POST cache", POST_CACHE, false)
}

fn start_with(
    served: &ServedFolder,
    site: &Site,
    name: &'static str,
    forwarding: &str,
    is_incumbent: bool,
) -> anyhow::Result<Peer> {
    let folder = nginx::new_folder()?;
    let socket = folder.path().join("fcgiwrap.sock");
    let mut wrap = site.command(Path::new(FCGIWRAP));
    wrap.arg("-s").arg(format!("unix:{}", socket.display())).args(["-c", WORKERS]);
    let wrap = Daemon::start(wrap, site, &folder.path().join("fcgiwrap.log"), &Listens::Unix(&socket))?;
    let Nginx { address, daemon, folder } = nginx::start(folder, &http_block(served, forwarding)?, site)?;
    let cache_log = (!is_incumbent).then(|| folder.path().join("cache.log"));
    let base = format!("http://{address}/git");
    Ok(Peer {
        name,
        is_incumbent,
        base,
        site: site.clone(),
        cache_log,
        _daemons: vec![daemon, wrap],
        _folder: folder,
    })
}

fn http_block(served: &ServedFolder, forwarding: &str) -> anyhow::Result<String> {
    let path = std::env::var("PATH").context("PATH is not set")?;
    let template = r#"
  sendfile on; tcp_nopush on;
  fastcgi_cache_path @FOLDER@/cache levels=1:2 keys_zone=answers:10m max_size=20g inactive=24h use_temp_path=off;
  log_format cache "$upstream_cache_status";
  map "$http_content_encoding:$request_body" $is_no_fetch { default 1; "~^gzip:" 0; "~^:....command=fetch" 0; }
  server {
    listen @ADDRESS@;
    location /git/ {
      fastcgi_pass unix:@FOLDER@/fcgiwrap.sock;
      fastcgi_read_timeout 600s;
      @FORWARDING@
      rewrite ^/git(/.*)$ $1 break;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param SCRIPT_FILENAME @EXEC@/git-http-backend;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param GIT_PROJECT_ROOT @REPOSITORIES@;
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_CONFIG_GLOBAL @GITCONFIG@;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH @PATH@;
    }
  }
"#;
    Ok(template
        .replace("@FORWARDING@", forwarding)
        .replace("@EXEC@", &served.exec_path.display().to_string())
        .replace("@REPOSITORIES@", &served.repositories().display().to_string())
        .replace("@GITCONFIG@", &served.gitconfig().display().to_string())
        .replace("@PATH@", &path))
}
