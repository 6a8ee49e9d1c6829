//! A clone without git: the request of a client that can then leave, or dawdle.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::git::Checkout;

/// Length of the content that does not shrink.
pub const NOISE_BYTES: usize = 8_000_000;

/// Asks for everything that a commit needs, and returns once the answer has begun, with its first piece.
pub async fn begin_clone(repository: &Url, commit: &str) -> (TcpStream, Vec<u8>) {
    // Packet lines begin with their length: 4 for itself, 5 for `want `, 40 for the id, 1 for the line break.
    let body = format!("0032want {commit}\n00000009done\n");
    let mut stream = post_fetch(repository, &body, body.len()).await;
    let mut first = vec![0; 4096];
    let length = stream.read(&mut first).await.expect("the server answers");
    first.truncate(length);
    assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first));
    (stream, first)
}

/// A connection over which a fetch was asked for, as far as so many bytes of its body.
pub async fn post_fetch(repository: &Url, body: &str, sent_bytes: usize) -> TcpStream {
    let address = format!("127.0.0.1:{}", repository.port().expect("has a port"));
    let head = format!(
        "POST {}/git-upload-pack HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-git-upload-pack-request\r\nContent-Length: {}\r\n\r\n",
        repository.path(),
        body.len()
    );
    let mut stream = TcpStream::connect(&address).await.expect("the server listens");
    stream.write_all(format!("{head}{}", &body[..sent_bytes]).as_bytes()).await.expect("the server reads");
    stream
}

/// Commits content that does not shrink, so that git is still writing when its client dawdles.
pub fn commit_noise(checkout: &Checkout) -> String {
    let content: Vec<u8> = noise().take(NOISE_BYTES / 8).flat_map(u64::to_le_bytes).collect();
    std::fs::write(checkout.path().join("noise"), content).expect("a file can be written");
    checkout.commit("a.txt", "noise\n")
}

/// Marsaglia's xorshift: the same numbers in every run, without end, and nothing that a compressor finds.
pub fn noise() -> impl Iterator<Item = u64> {
    let mut state: u64 = 0x2545_F491_4F6C_DD1D;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    })
}
