//! nginx as a proxy with a cache of POST answers, in front of a server that knows its readers.
//!
//! As where it stands in front of `git http-backend`, only fetches are kept, because a listing would be stale after a
//! push. Before a cached answer is given to a client, the server behind is asked whether that client may read; its
//! answer holds as long as it does at a mirror of ours.

use anyhow::Context;

use super::Peer;
use super::nginx::{self, Nginx};
use crate::site::Site;

/// Starts it.
pub fn start(upstream: &str, site: &Site) -> anyhow::Result<Peer> {
    let rest = upstream.strip_prefix("http://").context("the server behind speaks plain HTTP")?;
    let (authority, path) = rest.split_once('/').context("the server behind has a path")?;
    let http = TEMPLATE.replace("@BEHIND@", authority).replace("@PATH@", path);
    let Nginx { address, daemon, folder } = nginx::start(nginx::new_folder()?, &http, site)?;
    Ok(Peer {
        name: "nginx POST cache",
        is_incumbent: false,
        base: format!("http://{address}"),
        site: site.clone(),
        cache_log: None,
        _daemons: vec![daemon],
        _folder: folder,
    })
}

/// The key of an answer must fit the buffer for the head of a kept answer. What is said of `$request_body` must not be
/// asked for before the body is read, as it would be if verdicts depended on it.
const TEMPLATE: &str = r#"
  sendfile on; tcp_nopush on;
  client_body_buffer_size 4m;
  proxy_cache_path @FOLDER@/answers levels=1:2 keys_zone=answers:10m max_size=20g inactive=24h use_temp_path=off;
  proxy_cache_path @FOLDER@/verdicts levels=1:2 keys_zone=verdicts:1m use_temp_path=off;
  map "$http_content_encoding:$request_body" $is_no_fetch { default 1; "~^gzip:" 0; "~^:....command=fetch" 0; }
  upstream behind { server @BEHIND@; keepalive 64; }
  server {
    listen @ADDRESS@;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 600s;
    proxy_buffer_size 512k; proxy_buffers 16 512k; proxy_busy_buffers_size 1m;
    proxy_ignore_headers Cache-Control Expires;
    proxy_cache_lock on; proxy_cache_lock_timeout 600s; proxy_cache_lock_age 600s;
    location / {
      proxy_pass http://behind/@PATH@/;
    }
    location ~ ^(?<repository>/.+)/git-upload-pack$ {
      auth_request /verdict;
      proxy_pass http://behind/@PATH@$uri;
      proxy_cache answers;
      proxy_cache_methods GET HEAD POST;
      proxy_cache_key "$request_method $uri $http_git_protocol $http_content_encoding $request_body";
      proxy_cache_valid 200 24h;
      proxy_cache_bypass $is_no_fetch; proxy_no_cache $is_no_fetch;
    }
    location = /verdict {
      internal;
      proxy_pass http://behind/@PATH@$repository/info/refs?service=git-upload-pack;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header Content-Type "";
      proxy_set_header Content-Encoding "";
      proxy_cache verdicts;
      proxy_cache_key "$http_authorization $repository";
      proxy_cache_valid 200 5s;
    }
  }
"#;
