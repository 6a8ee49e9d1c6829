//! A Git server that is not ours, as many run one: `git http-backend` behind HTTP or HTTPS with users and passwords.
//!
//! It has good days and bad ones: what it does to its callers can be changed while it runs, and so can who may read what.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine;
use parking_lot::{Condvar, Mutex};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;
use url::Url;

use super::certificates::Certified;
use super::git::git;
use super::http_backend::{BackendAnswer, http_backend};
use super::on_disk::remove_folder;
use super::tiny_http::{Received, read};

/// How long it is silent at most where it stops in the middle of an answer.
const SIGN_OF_LIFE_AFTER: Duration = Duration::from_secs(5);

/// What the server does to its callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// It answers.
    Up,
    /// It answers as soon as its manner is another one.
    Held,
    /// It answers what it shows, and gives objects as soon as its manner is another one.
    HoldsFetches,
    /// The same, but gives half of the objects at once.
    StopsInFetches,
    /// It closes every connection without a word.
    Gone,
    /// It has trouble of its own, and says so.
    Failing,
    /// It answers what is not Git, whatever it is asked.
    Nonsense,
    /// It sends everybody to another server.
    SendsTo(Url),
    /// It wants fewer questions.
    Limits,
}

/// Who may read a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Everybody, without a password, too.
    Everybody,
    /// These users.
    Only(BTreeSet<String>),
}

impl Readers {
    /// One user.
    pub fn only(user: &str) -> Self {
        Self::Only(BTreeSet::from([user.to_owned()]))
    }
}

/// A running server.
pub struct GitOrigin {
    url: Url,
    inner: Arc<Inner>,
    certified: Option<Certified>,
}

struct Inner {
    root: TempDir,
    state: Mutex<State>,
    changed: Condvar,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
}

struct State {
    manner: Manner,
    /// How many requests have arrived.
    heard: usize,
    /// Whether it was made before there was a second version of the protocol.
    is_old: bool,
    passwords: BTreeMap<String, String>,
    /// By path, such as `/acme/tool.git`.
    repositories: BTreeMap<String, Readers>,
    /// Where those are now that were renamed.
    renamed: BTreeMap<String, String>,
    /// Whether those are led to the path with `.git` at its end who leave it out.
    adds_endings: bool,
    /// Whether it answers those in the same way who leave it out.
    takes_both_spellings: bool,
    tls: Option<Arc<ServerConfig>>,
}

type Reply = (u16, Vec<(String, String)>, Vec<u8>);

impl GitOrigin {
    /// Starts one that speaks HTTP.
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// Starts one that speaks HTTPS, for which a private authority vouches.
    pub fn start_with_tls() -> Self {
        Self::listen(Some(Certified::new()))
    }

    fn listen(certified: Option<Certified>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let scheme = if certified.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}/", listener.local_addr().expect("has one"));
        let state = State {
            manner: Manner::Up,
            heard: 0,
            is_old: false,
            passwords: BTreeMap::new(),
            repositories: BTreeMap::new(),
            renamed: BTreeMap::new(),
            adds_endings: false,
            takes_both_spellings: false,
            tls: certified.as_ref().map(certified_tls),
        };
        let inner = Arc::new(Inner {
            root: tempfile::tempdir().expect("a folder can be made"),
            state: Mutex::new(state),
            changed: Condvar::new(),
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = Arc::clone(&shared);
                inner.connections.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || inner.converse(stream));
            }
        });
        Self { url: Url::parse(&url).expect("is a URL"), inner, certified }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The certificate of the authority that vouches for it, in PEM.
    pub fn authority_file(&self) -> PathBuf {
        self.certified.as_ref().expect("it speaks TLS").authority()
    }

    /// A new user.
    pub fn add_user(&self, name: &str, password: &str) {
        self.inner.state.lock().passwords.insert(name.to_owned(), password.to_owned());
    }

    /// A new repository without commits; returns its folder.
    pub fn add_repository(&self, path: &str, readers: Readers) -> PathBuf {
        let folder = self.folder(path);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        git(&folder, &["init", "--quiet", "--bare"]);
        self.set_readers(path, readers);
        folder
    }

    /// Who may read a repository from now on.
    pub fn set_readers(&self, path: &str, readers: Readers) {
        let mut state = self.inner.state.lock();
        state.repositories.insert(path.to_owned(), readers);
        state.renamed.remove(path);
    }

    /// Gives a repository another path, to which its old one leads.
    pub fn rename(&self, from: &str, to: &str) {
        let new_folder = self.folder(to);
        std::fs::create_dir_all(new_folder.parent().expect("it lies in a folder")).expect("it can be made");
        let mut state = self.inner.state.lock();
        std::fs::rename(self.folder(from), new_folder).expect("it can be moved");
        let readers = state.repositories.remove(from).expect("it is there");
        state.repositories.insert(to.to_owned(), readers);
        state.renamed.insert(from.to_owned(), to.to_owned());
    }

    /// Leads to the path with `.git` at its end who leaves it out, from now on.
    pub fn add_endings(&self) {
        self.inner.state.lock().adds_endings = true;
    }

    /// Answers from now on at each path without `.git` at its end as well.
    pub fn take_both_spellings(&self) {
        self.inner.state.lock().takes_both_spellings = true;
    }

    /// Deletes a repository.
    pub fn delete(&self, path: &str) {
        self.inner.state.lock().repositories.remove(path).expect("it is there");
        // Git may still be tidying up after a push.
        remove_folder(&self.folder(path));
    }

    /// Where a repository is on its disk.
    pub fn folder(&self, path: &str) -> PathBuf {
        self.inner.root.path().join(path.trim_start_matches('/'))
    }

    /// Does not hear from now on which version of the protocol its callers ask for.
    pub fn speak_old_protocol(&self) {
        self.inner.state.lock().is_old = true;
    }

    /// Changes what it does to its callers.
    pub fn be(&self, manner: Manner) {
        self.inner.state.lock().manner = manner;
        self.inner.changed.notify_all();
    }

    /// Lets the next request wait for a while: it is answered only after it has arrived, and not at once.
    pub fn hold_next(&self) {
        let heard = {
            let mut state = self.inner.state.lock();
            state.manner = Manner::Held;
            state.heard
        };
        let inner = Arc::clone(&self.inner);
        thread::spawn(move || {
            let mut state = inner.state.lock();
            inner
                .changed
                .wait_while(&mut state, |state| state.manner == Manner::Held && state.heard == heard);
            if state.manner == Manner::Held {
                state.manner = Manner::Up;
                inner.changed.notify_all();
            }
        });
    }

    /// Shows a certificate from now on for which no authority vouches.
    pub fn show_another_certificate(&self) {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a name");
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        self.inner.state.lock().tls = Some(tls(own.cert.der().clone(), key));
    }

    /// Shows a certificate again for which the authority vouches.
    pub fn show_good_certificate(&self) {
        self.inner.state.lock().tls = self.certified.as_ref().map(certified_tls);
    }

    /// How many connections were opened to it so far, also by those who left before they asked.
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Every request so far.
    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().clone()
    }
}

fn certified_tls(certified: &Certified) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(certified.certificate()).expect("a certificate");
    tls(certificate, PrivateKeyDer::from_pem_file(certified.key()).expect("a key"))
}

fn tls(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("known versions").with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certificate], key).expect("the key fits"))
}

impl Inner {
    /// Reads one request and answers it; whatever goes wrong ends the connection.
    fn converse(&self, stream: TcpStream) -> Option<()> {
        let tls = self.state.lock().tls.clone();
        match tls {
            None => self.answer(stream),
            Some(config) => self.answer(StreamOwned::new(ServerConnection::new(config).ok()?, stream)),
        }
    }

    fn answer(&self, mut stream: impl Read + Write) -> Option<()> {
        let request = read(&mut stream)?;
        self.received.lock().push(request.clone());
        let (status, headers, body) = self.reply(&request)?;
        let mut head = format!("HTTP/1.1 {status} Answer\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).ok()?;
        let mut rest = body.as_slice();
        if self.stops_in(&request) {
            let mut length = rest.len() / 2;
            loop {
                let (now, later) = rest.split_at(length);
                stream.write_all(now).ok()?;
                stream.flush().ok()?;
                (rest, length) = (later, later.len().min(1));
                match self.goes_on() {
                    // Who is silent for long is given up.
                    None => {}
                    Some(true) => break,
                    Some(false) => return None,
                }
            }
        }
        stream.write_all(rest).ok()?;
        stream.flush().ok()
    }

    fn stops_in(&self, request: &Received) -> bool {
        request.is_fetch() && self.state.lock().manner == Manner::StopsInFetches
    }

    /// Waits until it stops no more, and whether it gives the rest then; `None` if that takes long.
    fn goes_on(&self) -> Option<bool> {
        let mut state = self.state.lock();
        let stops = |state: &mut State| state.manner == Manner::StopsInFetches;
        let waited = self.changed.wait_while_for(&mut state, stops, SIGN_OF_LIFE_AFTER);
        (!waited.timed_out()).then(|| state.manner == Manner::Up)
    }

    /// What is answered, if anything is.
    fn reply(&self, request: &Received) -> Option<Reply> {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let mut state = self.state.lock();
        state.heard += 1;
        self.changed.notify_all();
        self.changed.wait_while(&mut state, |state| match state.manner {
            Manner::Held => true,
            Manner::HoldsFetches => request.is_fetch(),
            _ => false,
        });
        match &state.manner {
            Manner::Up | Manner::Held | Manner::HoldsFetches | Manner::StopsInFetches => {}
            Manner::Gone => return None,
            Manner::Failing => return Some((503, Vec::new(), Vec::new())),
            Manner::Limits => return Some((429, header("Retry-After", "30"), Vec::new())),
            Manner::Nonsense => {
                return Some((
                    200,
                    header("Content-Type", "application/json"),
                    b"{\"welcome\": true}".to_vec(),
                ));
            }
            Manner::SendsTo(other) => {
                let there = format!("{other}{}", request.path.trim_start_matches('/'));
                return Some((302, header("Location", &there), Vec::new()));
            }
        }
        let Some(user) = state.user(request) else {
            return Some((401, header("WWW-Authenticate", "Basic realm=\"origin\""), Vec::new()));
        };
        let request = &if state.takes_both_spellings { with_ending(request) } else { request.clone() };
        let has_ending = request.path.contains(".git/");
        if let Some(end) = request.path.find("/info/refs").filter(|_| state.adds_endings && !has_ending) {
            let (repository, rest) = request.path.split_at(end);
            return Some((301, header("Location", &format!("{repository}.git{rest}")), Vec::new()));
        }
        let (repository, rest) = request.path.split_at(request.path.find(".git").map_or(0, |at| at + 4));
        if let Some(place) = state.renamed.get(repository) {
            return Some((301, header("Location", &format!("{place}{rest}")), Vec::new()));
        }
        let is_allowed = match (state.repositories.get(repository), &user) {
            (Some(Readers::Everybody), _) => true,
            (Some(Readers::Only(readers)), Some(user)) => readers.contains(user),
            // Who has not said who they are learns nothing of what is there.
            (_, None) => {
                return Some((401, header("WWW-Authenticate", "Basic realm=\"origin\""), Vec::new()));
            }
            (None, Some(_)) => {
                return Some((404, header("Content-Type", "text/plain"), b"nothing here".to_vec()));
            }
        };
        if !is_allowed {
            return Some((403, header("Content-Type", "text/plain"), b"not for you".to_vec()));
        }
        let mut request = request.clone();
        if state.is_old {
            request.headers.retain(|(name, _)| name != "git-protocol");
        }
        drop(state);
        let BackendAnswer { status, headers, body } =
            http_backend(self.root.path(), &request, user.as_deref());
        Some((status, headers, body))
    }
}

/// The same request for the path with `.git` at its end.
fn with_ending(request: &Received) -> Received {
    let mut request = request.clone();
    let end = ["/info/refs", "/git-upload-pack"].into_iter().find_map(|end| request.path.find(end));
    if let Some(end) = end.filter(|_| !request.path.contains(".git/")) {
        request.path.insert_str(end, ".git");
    }
    request
}

impl State {
    /// Who asks: a client without credentials, or a user; `None` if the password is wrong.
    fn user(&self, request: &Received) -> Option<Option<String>> {
        if request.authorization.is_empty() {
            return Some(None);
        }
        // Git sends a capital letter, and what sets the header itself need not.
        let (scheme, encoded) = request.authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        let decoded = String::from_utf8(decoded).ok()?;
        let (name, password) = decoded.split_once(':')?;
        (self.passwords.get(name)? == password).then(|| Some(name.to_owned()))
    }
}
