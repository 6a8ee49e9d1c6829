//! curl and OpenSSL speak TLS with a server: each version that is spoken, and none that is not.

use std::process::{Command, Output, Stdio};

use crate::harness::{Certified, Server, said};

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("{program} cannot be run: {error}"))
}

#[test]
#[ignore = "needs curl and openssl: cargo xtask test --stage outside"]
fn each_version_is_spoken_and_the_certificate_is_believed() {
    let certified = Certified::new();
    let upstream = Server::upstream(certified.options());
    let authority = certified.authority();
    let authority = authority.to_str().expect("is UTF-8");
    let status = format!("{}/status", upstream.base());
    let place = format!("127.0.0.1:{}", upstream.base_url().port().expect("has a port"));
    for (curl_versions, openssl_version) in
        [(["--tlsv1.2", "--tls-max", "1.2"], "-tls1_2"), (["--tlsv1.3", "--tls-max", "1.3"], "-tls1_3")]
    {
        let common = ["--silent", "--show-error", "--cacert", authority, "--output", "/dev/null"];
        let told = ["--write-out", "%{http_code} by HTTP/%{http_version}", &status];
        let asked = run("curl", &[&common[..], &curl_versions, &told].concat());
        assert_eq!(said(&asked), "200 by HTTP/1.1", "{curl_versions:?}");
        let common = ["s_client", "-connect", &place, "-CAfile", authority, "-verify_return_error"];
        let shaken = run("openssl", &[&common[..], &["-alpn", "h2,http/1.1", openssl_version]].concat());
        let text = said(&shaken);
        assert!(shaken.status.success(), "{openssl_version}: {text}");
        for part in ["ALPN protocol: http/1.1", "Verify return code: 0 (ok)"] {
            assert!(text.contains(part), "{openssl_version}: no {part:?} in {text}");
        }
    }
    let old = run("openssl", &["s_client", "-connect", &place, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    assert!(!old.status.success(), "{}", said(&old));
}
