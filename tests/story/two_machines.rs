//! The first steps with two machines: the commands of `docs/quick-start.md`, word for word, from an empty upstream to a push
//! that is found at the mirror.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::harness::{
    ADMIN_PASSWORD, Checkout, Server, ServerOptions, USER_PASSWORD, binary, eventually, git, make_script,
    said,
};

const STEPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/quick-start.md");
const REQUESTS: &str = "/rest/mirroring/latest/requests?state=PENDING";

/// The blocks of commands of a step, by its number.
fn commands(step: usize) -> Vec<String> {
    let text = fs::read_to_string(STEPS).expect("it is there");
    let (_, section) = text.split_once(&format!("\n## {step}. ")).expect("there is such a step");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.split("```\n").skip(1).step_by(2).map(str::to_owned).collect()
}

/// What stands where people type.
struct Desk {
    folder: TempDir,
    /// What the commands so far have set for those to come.
    exports: String,
    /// What the page says, and what it is here.
    names: Vec<(&'static str, String)>,
}

impl Desk {
    fn new(upstream: &Server, source: &Checkout) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = |name: &str| folder.path().join(name);
        fs::create_dir_all(file("bin")).expect("a folder can be made");
        symlink(fs::canonicalize(binary()).expect("it is built"), file("bin/heliostat")).expect("a link");
        let asked =
            format!("#!/bin/sh\ncase \"$1\" in Username*) echo ann ;; *) echo '{USER_PASSWORD}' ;; esac\n");
        make_script(&file("bin/asked"), &asked);
        fs::write(file("admin-password"), ADMIN_PASSWORD).expect("a file can be written");
        let names = vec![
            ("https://github.com/some/repository.git", source.path().display().to_string()),
            ("/srv/heliostat/admin-password", file("admin-password").display().to_string()),
            ("https://git.example.com:7990", upstream.base().to_owned()),
        ];
        Self { folder, exports: String::new(), names }
    }

    /// From now on, there is a mirror.
    fn knows_of(&mut self, mirror: &Server) {
        let with_user = mirror.base().replace("http://", "http://ann@");
        self.names.push(("https://ann@saigon.example.com:7991", with_user));
        self.names.push(("https://saigon.example.com:7991", mirror.base().to_owned()));
    }

    /// Types commands of the page; returns what they say.
    #[track_caller]
    fn types(&mut self, commands: &str) -> String {
        let here =
            self.names.iter().fold(commands.to_owned(), |text, (written, here)| text.replace(written, here));
        let script = format!("{}{here}", self.exports);
        let exports = here.lines().filter(|line| line.starts_with("export "));
        self.exports.extend(exports.flat_map(|line| [line, "\n"]));
        let path = std::env::var("PATH").expect("it is set");
        let folder = self.folder.path();
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}:{path}", folder.join("bin").display()))
            .env("HOME", folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ASKPASS", folder.join("bin/asked"))
            .env("HELIOSTAT_NEW_PASSWORD", USER_PASSWORD)
            .output()
            .expect("there is a shell");
        assert!(output.status.success(), "{script}\n{}", said(&output));
        said(&output)
    }

    fn head_of(&self, checkout: &str) -> String {
        git(&self.folder.path().join(checkout), &["rev-parse", "HEAD"])
    }
}

#[tokio::test]
async fn the_first_steps_lead_to_a_push_that_is_found_at_the_mirror() {
    let upstream = Server::upstream(ServerOptions::default());
    let source = Checkout::with_commits(&["one", "two"]);
    let mut desk = Desk::new(&upstream, &source);
    desk.types(&commands(2).concat());
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    desk.knows_of(&mirror);
    let admin = upstream.admin();
    eventually("the request of the mirror", || async {
        (admin.get(REQUESTS).await.promised(200)["size"] == 1).then_some(())
    })
    .await;
    let joined = desk.types(&commands(4).concat());
    assert!(joined.contains(mirror.base()), "it shows which address is accepted: {joined}");

    let [first_clone, both_ways]: [String; 2] = commands(5).try_into().expect("two blocks");
    desk.types(&first_clone);
    assert_eq!(desk.head_of("engine"), git(source.path(), &["rev-parse", "HEAD"]));
    desk.types(&both_ways);
    let read = desk.types("git ls-remote --get-url https://git.example.com:7990/scm/app/engine.git");
    assert!(read.starts_with(mirror.base()), "{read}");
    desk.types("git clone --quiet https://git.example.com:7990/scm/app/engine.git written");
    desk.types(
        "cd written; git -c user.name=Ann -c user.email=ann@example.com commit --quiet --allow-empty --message three
         git push --quiet",
    );
    let pushed = desk.head_of("written");
    let at_mirror = format!("git ls-remote {}/scm/app/engine.git HEAD", mirror.base());
    let desk = Mutex::new(desk);
    eventually("the push at the mirror", || async {
        desk.lock().types(&at_mirror).starts_with(&pushed).then_some(())
    })
    .await;
}

#[test]
fn the_servers_of_the_page_are_started_with_options_that_there_are() {
    for (step, role) in [(1, "upstream"), (3, "mirror"), (3, "doctor")] {
        let help = Command::new(binary()).args([role, "--help"]).output().expect("the binary can be run");
        let help = said(&help);
        let command = format!("heliostat {role} ");
        let blocks = commands(step).concat();
        let (_, rest) = blocks.split_once(&command).expect("the page starts it");
        let whole = rest.replace("\\\n", " ");
        let line = whole.lines().next().unwrap_or_default();
        let options: Vec<&str> = line.split_whitespace().filter(|word| word.starts_with("--")).collect();
        assert!(options.len() > 2, "{line}");
        for option in options {
            assert!(help.contains(&format!("{option} ")), "heliostat {role} has no {option}");
        }
    }
}
