//! nginx as the end of TLS in front of anybody. For those who know no tokens it asks for one, too.

use tempfile::TempDir;

use super::daemon::Daemon;
use super::nginx::{self, Nginx};
use crate::bench::site::Site;
use crate::bench::tls::Certificate;

/// A running end of TLS.
#[derive(Debug)]
pub struct TlsFront {
    /// Address before the path.
    pub base: String,
    /// Ends before the folder with its files goes.
    _daemon: Daemon,
    _folder: TempDir,
}

/// Who asks for the token.
#[derive(Debug, Clone, Copy)]
pub enum TokenCheck<'a> {
    /// Whoever is behind.
    Behind,
    /// The front: other values of the header are refused.
    InFront(&'a str),
}

impl TlsFront {
    /// Starts it in front of `authority`, a host with its port.
    pub fn start(
        authority: &str,
        check: TokenCheck,
        certificate: &Certificate,
        site: &Site,
    ) -> anyhow::Result<Self> {
        let check = match check {
            TokenCheck::Behind => String::new(),
            TokenCheck::InFront(value) => {
                format!("if ($http_authorization != \"{value}\") {{ return 401; }}")
            }
        };
        let http = TEMPLATE
            .replace("@BEHIND@", authority)
            .replace("@CERTIFICATE@", &certificate.certificate().display().to_string())
            .replace("@KEY@", &certificate.key().display().to_string())
            .replace("@CHECK@", &check);
        let folder = nginx::new_folder()?;
        let Nginx { address, daemon } = nginx::start(folder.path(), &http, site)?;
        Ok(TlsFront { base: format!("https://{address}"), _daemon: daemon, _folder: folder })
    }
}

/// Large buffers, because answers are long, and no files between.
const TEMPLATE: &str = r#"
  client_body_buffer_size 4m;
  upstream behind { server @BEHIND@; keepalive 64; }
  server {
    listen @ADDRESS@ ssl;
    ssl_certificate @CERTIFICATE@; ssl_certificate_key @KEY@; ssl_protocols TLSv1.3;
    location / {
      @CHECK@
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffer_size 512k; proxy_buffers 16 512k; proxy_busy_buffers_size 1m; proxy_max_temp_file_size 0;
      proxy_read_timeout 600s;
    }
  }
"#;
