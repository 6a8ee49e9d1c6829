//! TLS over real connections: what arrives is what is in the files, and no client keeps others out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use heliostat_git_serve::Piece;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{KernelTls, Tls, TlsFiles};
use crate::http::sendfile_tests::{
    PATIENCE, Received, Scene, ask, exactly, file_with, noise, receive, region, room,
};
use crate::http::{ClientRoom, ConnectionOptions};

/// An authority, and a server that it has certified.
struct Certified {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
    tls: Tls,
}

impl Certified {
    fn new() -> Self {
        Self::encrypting(KernelTls::default())
    }

    fn encrypting(kernel: KernelTls) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.distinguished_name.push(DnType::CommonName, "authority of the tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(parameters, key).expect("signed");
        let folder = tempfile::tempdir().expect("a folder");
        certify(&authority, folder.path());
        let files =
            TlsFiles { certificate: folder.path().join("server.pem"), key: folder.path().join("server.key") };
        let tls = Tls::open(files, kernel).expect("usable");
        Self { authority, folder, tls }
    }

    fn room(&self) -> ClientRoom {
        room(ConnectionOptions::default()).with_tls(Some(self.tls.clone()))
    }

    fn client(&self, versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
        let mut config = config.expect("known versions").with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }

    async fn shake_hands(&self, stream: TcpStream) -> TlsStream<TcpStream> {
        let client = self.client(rustls::DEFAULT_VERSIONS, &[]);
        client.connect(name(), stream).await.expect("the certificate is good")
    }
}

/// Makes a new key and a certificate for this machine.
fn certify(authority: &CertifiedIssuer<'static, KeyPair>, folder: &Path) {
    let key = KeyPair::generate().expect("a key");
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let certificate = parameters.signed_by(&key, authority).expect("signed");
    fs::write(folder.join("server.pem"), certificate.pem()).expect("written");
    let key_file = folder.join("server.key");
    fs::write(&key_file, key.serialize_pem()).expect("written");
    fs::set_permissions(&key_file, Permissions::from_mode(0o600)).expect("its owner may");
}

fn name() -> ServerName<'static> {
    ServerName::try_from("127.0.0.1").expect("an address")
}

fn certificate_of(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let (_, session) = stream.get_ref();
    session.peer_certificates().expect("it has shown one")[0].clone()
}

fn small() -> (Option<usize>, Vec<Piece>) {
    (Some(5), vec![Piece::Memory(Bytes::from_static(b"hello"))])
}

#[tokio::test]
async fn files_and_memory_arrive_whole_and_in_order() {
    files_and_memory_arrive(KernelTls::Off).await;
}

#[tokio::test]
async fn files_and_memory_arrive_the_same_where_the_kernel_encrypts() {
    files_and_memory_arrive(KernelTls::Auto).await;
}

async fn files_and_memory_arrive(kernel: KernelTls) {
    let certified = Certified::encrypting(kernel);
    let content = noise(1, 5_000_003);
    let file = file_with(&content);
    let expected = [b"head".as_slice(), &content, b"between", &content[7..40_007]].concat();
    let total = expected.len();
    let pieces = move || {
        vec![
            Piece::Memory(Bytes::from_static(b"head")),
            region(&file, 0, 5_000_003),
            Piece::Memory(Bytes::from_static(b"between")),
            region(&file, 7, 40_000),
        ]
    };
    let scene =
        Scene::in_room(certified.room(), move |path| ((path == "/whole").then_some(total), pieces())).await;
    // One that takes little at a time is in the middle while another one is served.
    let mut slow = certified.shake_hands(scene.connect_slowly().await).await;
    ask(&mut slow, "/whole").await;
    let mut stream = certified.shake_hands(scene.connect().await).await;
    // Both are asked for at once, so that the second request arrives with what follows the handshake.
    ask(&mut stream, "/whole").await;
    ask(&mut stream, "/growing").await;
    for _ in 0..2 {
        receive(&mut stream).await.expect("a whole response").expect_body(&expected);
    }
    receive(&mut slow).await.expect("a whole response").expect_body(&expected);
}

#[tokio::test]
async fn a_file_that_is_too_short_breaks_the_connection() {
    let certified = Certified::new();
    let content = noise(2, 100_000);
    let file = file_with(&content);
    let scene =
        Scene::in_room(certified.room(), move |_| (Some(300_000), vec![region(&file, 0, 300_000)])).await;
    let mut stream = certified.shake_hands(scene.connect().await).await;
    ask(&mut stream, "/").await;
    let mut all = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("the end comes");
    assert!(all.len() < 150_000, "{} bytes", all.len());
    assert!(!all.contains(&0), "bytes that stand for others must not leave the server");
}

#[tokio::test]
async fn both_versions_are_spoken_and_one_protocol_inside() {
    let certified = Certified::new();
    let scene = Scene::in_room(certified.room(), |_| small()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = certified.client(&[version], &["h2", "http/1.1"]);
        let mut stream = client.connect(name(), scene.connect().await).await.expect("it is spoken");
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(b"http/1.1".as_slice()));
        assert_eq!(session.protocol_version(), Some(version.version));
        ask(&mut stream, "/").await;
        receive(&mut stream).await.expect("a response").expect_body(b"hello");
    }
    let only_http2 = certified.client(rustls::DEFAULT_VERSIONS, &["h2"]);
    only_http2.connect(name(), scene.connect().await).await.expect_err("HTTP/2 is not spoken");
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let certified = Certified::new();
    let scene = Scene::in_room(certified.room(), |_| small()).await;
    let mut before = certified.shake_hands(scene.connect().await).await;
    fs::write(certified.folder.path().join("server.pem"), "half of a certificate").expect("written");
    certified.tls.reload().expect_err("no certificate");
    let between = certified.shake_hands(scene.connect().await).await;
    certify(&certified.authority, certified.folder.path());
    certified.tls.reload().expect("usable");
    let after = certified.shake_hands(scene.connect().await).await;
    assert_eq!(certificate_of(&before), certificate_of(&between));
    assert_ne!(certificate_of(&before), certificate_of(&after));
    ask(&mut before, "/").await;
    receive(&mut before).await.expect("the connection goes on").expect_body(b"hello");
}

#[tokio::test]
async fn who_speaks_no_tls_is_told() {
    let certified = Certified::new();
    let room = certified.room();
    let counted = room.clone();
    let scene = Scene::in_room(room, |_| small()).await;
    let mut stream = scene.connect().await;
    ask(&mut stream, "/").await;
    let Received { head, body } = receive(&mut stream).await.expect("an answer");
    assert!(head.starts_with("http/1.1 400 "), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("https://"), "{body:?}");
    let failed = async {
        while counted.counters().connections.failed_handshakes == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, failed).await.expect("it is counted");
}

#[tokio::test]
async fn clients_that_do_not_finish_the_handshake_make_room() {
    let certified = Certified::new();
    let options = ConnectionOptions { max_connections: 8, ..ConnectionOptions::default() };
    let room = room(options).with_tls(Some(certified.tls.clone()));
    let counted = room.clone();
    let scene = Scene::in_room(room, |_| small()).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(scene.connect().await);
    }
    let mut stream = certified.shake_hands(scene.connect().await).await;
    ask(&mut stream, "/").await;
    receive(&mut stream).await.expect("a response").expect_body(b"hello");
    let counters = counted.counters().connections;
    assert!(counters.open <= 8 && counters.displaced > 0, "{counters:?}");
    // Those that made room see the end.
    let ended = timeout(PATIENCE, exactly(&mut silent[0], 1)).await.expect("the end comes");
    assert!(ended.is_err());
}
