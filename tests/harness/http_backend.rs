//! Real `git http-backend`, run as web servers run it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::tiny_http::Received;

/// What it answers.
#[derive(Debug)]
pub(super) struct BackendAnswer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Lets it answer a request about a repository below this folder.
pub(super) fn http_backend(root: &Path, request: &Received, user: Option<&str>) -> BackendAnswer {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // As a server of very many references has to set it.
    command.env("GIT_HTTP_MAX_REQUEST_BUFFER", "256M");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent");
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", path).env("QUERY_STRING", query);
    command.env("CONTENT_TYPE", request.header("content-type"));
    command.env("CONTENT_LENGTH", request.bytes.len().to_string());
    command.env("GIT_PROTOCOL", request.header("git-protocol")).env("REMOTE_ADDR", "127.0.0.1");
    if !request.header("content-encoding").is_empty() {
        command.env("HTTP_CONTENT_ENCODING", request.header("content-encoding"));
    }
    if let Some(user) = user {
        command.env("REMOTE_USER", user);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut backend = command.spawn().expect("git can be run");
    let mut input = backend.stdin.take().expect("a pipe");
    let body = request.bytes.clone();
    // It may answer before it has read everything.
    let writing = thread::spawn(move || input.write_all(&body));
    let mut output = Vec::new();
    let mut pipe = backend.stdout.take().expect("a pipe");
    pipe.read_to_end(&mut output).expect("it can be read");
    writing.join().expect("it does not panic").ok();
    backend.wait().expect("it has ended");
    read_answer(&output)
}

fn read_answer(output: &[u8]) -> BackendAnswer {
    let end =
        output.windows(4).position(|window| window == b"\r\n\r\n").expect("a head ends with a blank line");
    let head = String::from_utf8_lossy(&output[..end]);
    let mut status = 200;
    let mut headers = Vec::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Status" => status = value[..3].parse().expect("a status"),
            _ => headers.push((name.to_owned(), value.to_owned())),
        }
    }
    BackendAnswer { status, headers, body: output[end + 4..].to_vec() }
}
