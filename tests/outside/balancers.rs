//! Load balancers as people have them, in the set-ups of `deploy/balancer`: HAProxy and nginx with TLS in front of two
//! mirrors. While one of these is restarted and then the other, no clone is lost.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::harness::{
    ADMIN_PASSWORD, Certified, Client, Identity, Pair, Program, Server, ServerOptions, clone_url,
    commit_noise, eventually, git_output,
};

/// How many people clone at once.
const READERS: usize = 2;
/// How many clones have to succeed while a mirror is away.
const MEANWHILE: usize = 2 * READERS;

/// An upstream with two mirrors, a repository that not everybody may read, and what a balancer needs.
struct Farm {
    pair: Pair,
    second: Server,
    repository: Value,
    certified: Certified,
    folder: TempDir,
}

impl Farm {
    async fn start() -> Self {
        let pair = Pair::start().await;
        let second = Server::mirror(pair.upstream.base_url(), "Hanoi", ServerOptions::default());
        pair.join("Hanoi").await;
        let (repository, checkout) = pair.pushed_repository(false).await;
        commit_noise(&checkout);
        checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
        pair.mirrored(&repository).await;
        in_step(&second).await;
        let (certified, folder) = (Certified::new(), tempfile::tempdir().expect("a folder can be made"));
        Self { pair, second, repository, certified, folder }
    }

    /// One of the two mirrors.
    fn mirror(&mut self, number: usize) -> &mut Server {
        if number.is_multiple_of(2) { &mut self.pair.mirror } else { &mut self.second }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of `deploy/balancer` with what operators change in it, and no more, changed.
    fn changed(&self, file: &str, changes: &[(&str, String)]) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/balancer").join(file);
        let mut text = fs::read_to_string(path).expect("it is there");
        let place = |mirror: &Server| {
            format!("127.0.0.1:{}", mirror.base_url().port().expect("a free port has a number"))
        };
        let mirrors = [
            ("mirror-1.example.com:7991", place(&self.pair.mirror)),
            ("mirror-2.example.com:7991", place(&self.second)),
        ];
        for (written, here) in mirrors.iter().chain(changes) {
            assert!(text.contains(written), "{file} has no {written}");
            text = text.replace(written, here);
        }
        text
    }

    async fn balancer(&self, command: impl Fn(SocketAddr) -> Command) -> (Program, Url) {
        let (program, address) = Program::listening(&self.file("output.log"), command).await;
        (program, Url::parse(&format!("https://{address}/")).expect("is a URL"))
    }

    fn reader(&self, number: usize, balancer: &Url) -> Reader {
        Reader {
            url: clone_url(balancer, &self.repository, Some(("admin", ADMIN_PASSWORD))),
            folder: self.file(&format!("reader-{number}")),
            trust: self.certified.git_setting(),
        }
    }
}

/// Waits until a mirror may take traffic.
async fn in_step(mirror: &Server) {
    let anonymous = mirror.anonymous();
    eventually("the mirror to take traffic", || async {
        (anonymous.get("/status").await.status == 200).then_some(())
    })
    .await;
}

/// A client that clones again and again.
struct Reader {
    url: Url,
    folder: PathBuf,
    trust: String,
}

impl Reader {
    /// Clones once; what git says if that fails.
    fn clone_once(&self) -> Result<(), String> {
        fs::create_dir_all(&self.folder).expect("a folder can be made");
        let arguments = ["-c", &self.trust, "clone", "--quiet", self.url.as_str(), "clone"];
        let output = git_output(&self.folder, &arguments);
        fs::remove_dir_all(&self.folder).expect("it is ours");
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// People who clone until this value goes.
struct Readers {
    is_over: Arc<AtomicBool>,
    clones: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Readers {
    fn begin(readers: Vec<Reader>) -> Self {
        let (is_over, clones) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let read = |reader: Reader| {
            let (is_over, clones) = (is_over.clone(), clones.clone());
            thread::spawn(move || {
                let mut failures = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    failures.extend(reader.clone_once().err());
                    clones.fetch_add(1, Ordering::Relaxed);
                }
                failures
            })
        };
        let threads = readers.into_iter().map(read).collect();
        Self { is_over, clones, threads }
    }

    /// Waits for further clones, whether or not they succeed.
    async fn further(&self) {
        let wanted = self.clones.load(Ordering::Relaxed) + MEANWHILE;
        eventually("further clones", || async {
            (self.clones.load(Ordering::Relaxed) >= wanted).then_some(())
        })
        .await;
    }

    /// What went wrong.
    fn end(mut self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().flat_map(|thread| thread.join().expect("it does not panic")).collect()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// How many requests of git a mirror has answered since it was started.
async fn requests(mirror: &Server) -> f64 {
    let text = mirror.anonymous().get("/metrics").await.expect(200).text;
    let values = text.lines().filter(|line| line.starts_with("heliostat_mirror_git_requests_total"));
    values.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum()
}

async fn no_clone_is_lost(mut farm: Farm, balancer: &Url) {
    let people = Client::new(balancer, Identity::Anonymous).unjudged();
    // The balancer tells of whom it asks: what is shown to the mirror's own machine is not shown to its clients.
    people.get("/metrics").await.expect_error(403);
    people.get("/status").await.expect(200);

    let readers = Readers::begin((0..READERS).map(|number| farm.reader(number, balancer)).collect());
    for number in 0..3 {
        let mirror = farm.mirror(number);
        assert!(mirror.terminate().success(), "{}", mirror.log());
        readers.further().await;
        mirror.restart();
        let mirror: &Server = mirror;
        // The other one is not restarted before this one has its share of clones again.
        eventually("the balancer to come back to the mirror", || async {
            (requests(mirror).await > 0.0).then_some(())
        })
        .await;
        in_step(mirror).await;
    }
    let lost = readers.end();
    assert!(lost.is_empty(), "{} clones were lost:\n{}", lost.len(), lost.join("\n"));
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn haproxy_loses_no_clone_while_a_mirror_is_restarted() {
    let farm = Farm::start().await;
    let (certificate, key) = (farm.certified.certificate(), farm.certified.key());
    let both = [certificate, key].map(|file| fs::read_to_string(file).expect("it was written"));
    fs::write(farm.file("both.pem"), both.concat()).expect("a file can be written");
    let (haproxy, url) = farm
        .balancer(|address| {
            let changes = [
                ("bind :443", format!("bind {address}")),
                ("/etc/haproxy/git.example.com.pem", farm.file("both.pem").display().to_string()),
            ];
            let configuration = farm.file("haproxy.cfg");
            fs::write(&configuration, farm.changed("haproxy.cfg", &changes)).expect("a file can be written");
            let mut haproxy = Command::new("/usr/sbin/haproxy");
            haproxy.arg("-db").arg("-f").arg(configuration);
            haproxy
        })
        .await;
    no_clone_is_lost(farm, &url).await;
    drop(haproxy);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn nginx_loses_no_clone_while_a_mirror_is_restarted() {
    let farm = Farm::start().await;
    let (nginx, url) = farm
        .balancer(|address| {
            let changes = [
                ("listen 443", format!("listen {address}")),
                ("/etc/nginx/git.example.com.pem", farm.certified.certificate().display().to_string()),
                ("/etc/nginx/git.example.com.key", farm.certified.key().display().to_string()),
            ];
            let folder = farm.folder.path().display().to_string();
            let around = NGINX.replace("@FOLDER@", &folder);
            let whole = around.replace("@BALANCER@", &farm.changed("nginx.conf", &changes));
            let configuration = farm.file("nginx.conf");
            fs::write(&configuration, whole).expect("a file can be written");
            let mut nginx = Command::new("/usr/sbin/nginx");
            nginx.arg("-c").arg(configuration).arg("-p").arg(farm.folder.path());
            nginx.arg("-e").arg(farm.file("error.log"));
            nginx
        })
        .await;
    no_clone_is_lost(farm, &url).await;
    drop(nginx);
}

/// What stands around a file of `/etc/nginx/conf.d`.
const NGINX: &str = "
worker_processes 1;
daemon off;
pid @FOLDER@/pid;
user root;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path @FOLDER@/b; fastcgi_temp_path @FOLDER@/f; proxy_temp_path @FOLDER@/p;
  uwsgi_temp_path @FOLDER@/u; scgi_temp_path @FOLDER@/s;
@BALANCER@
}
";
