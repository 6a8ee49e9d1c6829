//! nginx as the end of TLS in front of any server. For those that know no tokens it checks one, too.

use super::nginx::{self, Nginx};
use crate::client::tls::Certificate;
use crate::site::Site;

/// A running end of TLS.
#[derive(Debug)]
pub struct TlsFront {
    /// Address before the path.
    pub base: String,
    _nginx: Nginx,
}

/// What checks the token.
#[derive(Debug, Clone, Copy)]
pub enum TokenCheck<'a> {
    /// The server behind.
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
        let nginx = nginx::start(nginx::new_folder()?, &http, site)?;
        Ok(TlsFront { base: format!("https://{}", nginx.address), _nginx: nginx })
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
