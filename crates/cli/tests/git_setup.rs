//! `heliostat git-setup` on the real binary, judged by real git: what is read from where, and what is pushed where.

use std::path::Path;
use std::process::{Command, Output};

const ORIGIN: &str = "https://git.example.com";
const MIRROR: &str = "http://127.0.0.1:7991";

fn program(name: &str, config: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the binary and git are tested as a person runs them")]
    let mut command = Command::new(name);
    command.env("GIT_CONFIG_GLOBAL", config).env("GIT_CONFIG_NOSYSTEM", "1");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HELIOSTAT_"))
    {
        command.env_remove(name);
    }
    command
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is text").trim().to_owned()
}

fn git_setup(config: &Path, arguments: &[&str]) -> String {
    git_setup_for(config, ORIGIN, MIRROR, arguments)
}

fn git_setup_for(config: &Path, origin: &str, mirror: &str, arguments: &[&str]) -> String {
    let mut command = program(env!("CARGO_BIN_EXE_heliostat"), config);
    command.args(["git-setup", "--origin", origin, "--mirror-url", mirror]).args(arguments);
    text(command.output().expect("the binary can be run"))
}

/// Where git reads from and where it pushes to when a remote has this address.
fn read_and_pushed(config: &Path, address: &str) -> (String, String) {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let git = |arguments: &[&str]| {
        let mut command = program("git", config);
        text(command.arg("-C").arg(folder.path()).args(arguments).output().expect("git can be run"))
    };
    git(&["init", "--quiet"]);
    git(&["remote", "add", "origin", address]);
    (git(&["remote", "get-url", "origin"]), git(&["remote", "get-url", "--push", "origin"]))
}

#[test]
fn git_reads_each_form_of_the_address_from_the_mirror_and_pushes_to_the_origin() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let config = folder.path().join("gitconfig");
    std::fs::write(&config, "[user]\n\tname = Ann\n").expect("the temporary directory has space");
    let arguments = ["--user", "ann", "--global"];
    assert!(git_setup(&config, &arguments).contains("still pushes to"));
    for (address, read) in [
        ("https://git.example.com/acme/tool.git", "http://127.0.0.1:7991/acme/tool.git"),
        ("https://ann@git.example.com/acme/tool.git", "http://ann@127.0.0.1:7991/acme/tool.git"),
        ("ssh://git@git.example.com/acme/tool.git", "http://127.0.0.1:7991/acme/tool.git"),
        ("git@git.example.com:acme/tool.git", "http://127.0.0.1:7991/acme/tool.git"),
        ("https://git.example.com.evil.example/x.git", "https://git.example.com.evil.example/x.git"),
    ] {
        assert_eq!(read_and_pushed(&config, address), (read.to_owned(), address.to_owned()));
    }
    let written = std::fs::read_to_string(&config).expect("is there");
    assert!(git_setup(&config, &arguments).contains("already"));
    assert_eq!(std::fs::read_to_string(&config).expect("is there"), written, "nothing is written twice");

    git_setup(&config, &["--user", "ann", "--global", "--undo"]);
    let left = std::fs::read_to_string(&config).expect("is there");
    assert!(!left.contains("example.com") && left.contains("name = Ann"), "{left}");
    assert!(git_setup(&config, &["--user", "ann", "--global", "--undo"]).contains("nothing to take back"));
}

#[test]
fn what_was_written_is_taken_back_whatever_the_options_were() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let config = folder.path().join("gitconfig");
    let others = "[url \"https://other.example.com/\"]\n\tinsteadOf = other:\n";
    std::fs::write(&config, others).expect("the temporary directory has space");
    git_setup(
        &config,
        &["--user", "ann", "--ssh-user", "hg", "--ssh-port", "7999", "--credentials", "--global"],
    );
    assert!(std::fs::read_to_string(&config).expect("is there").contains("hg@git.example.com:7999"));
    let commands = git_setup(&config, &["--undo"]);
    assert!(commands.contains("ann@") && commands.contains("credential"), "{commands}");

    assert!(git_setup(&config, &["--undo", "--global"]).contains("from there again"));
    assert_eq!(std::fs::read_to_string(&config).expect("is there"), others);
    for address in ["https://ann@git.example.com/x.git", "ssh://hg@git.example.com:7999/x.git"] {
        assert_eq!(read_and_pushed(&config, address), (address.to_owned(), address.to_owned()));
    }
    assert!(git_setup(&config, &["--undo", "--global"]).contains("nothing to take back"));
}

#[test]
fn git_shows_the_mirror_what_it_has_for_the_origin() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let config = folder.path().join("gitconfig");
    let stored = "[credential \"https://git.example.com\"]\n\thelper = \"!f() { test \\\"$1\\\" = get && echo username=ann && echo password=secret; }; f\"\n";
    std::fs::write(&config, stored).expect("the temporary directory has space");
    git_setup(&config, &["--credentials", "--global"]);
    let filled = |host: &str| {
        let asked = folder.path().join("asked");
        std::fs::write(&asked, format!("protocol=http\nhost={host}\n\n")).expect("there is space");
        let mut command = program("git", &config);
        command.env("GIT_TERMINAL_PROMPT", "0").args(["credential", "fill"]);
        let asked = std::fs::File::open(asked).expect("was just written");
        command.stdin(asked).output().expect("git can be run")
    };
    let told = text(filled("127.0.0.1:7991"));
    assert_eq!(told, "protocol=http\nhost=127.0.0.1:7991\nusername=ann\npassword=secret");
    assert!(!filled("other.example.com").status.success(), "no other server is shown it");
    git_setup(&config, &["--credentials", "--global", "--undo"]);
    assert_eq!(std::fs::read_to_string(&config).expect("is there"), stored);

    let mut abroad = program(env!("CARGO_BIN_EXE_heliostat"), &config);
    abroad.args([
        "git-setup",
        "--origin",
        ORIGIN,
        "--mirror-url",
        "http://mirror.example.com",
        "--credentials",
    ]);
    let refused = abroad.output().expect("the binary can be run");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("unencrypted"), "{refused:?}");
}

#[test]
fn without_global_it_prints_the_commands_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let config = folder.path().join("gitconfig");
    let commands = git_setup(&config, &["--https-only"]);
    assert!(!config.exists());
    let mut shell = program("sh", &config);
    text(shell.args(["-e", "-c", &commands]).output().expect("a shell can be run"));
    let address = "https://git.example.com/acme/tool.git";
    let read = "http://127.0.0.1:7991/acme/tool.git".to_owned();
    assert_eq!(read_and_pushed(&config, address), (read, address.to_owned()));
    let address = "git@git.example.com:acme/tool.git".to_owned();
    assert_eq!(read_and_pushed(&config, &address), (address.clone(), address.clone()));

    let commands = git_setup(&config, &["--https-only", "--undo"]);
    let mut shell = program("sh", &config);
    text(shell.args(["-e", "-c", &commands]).output().expect("a shell can be run"));
    assert!(!std::fs::read_to_string(&config).expect("is there").contains("example.com"));
}

#[test]
fn what_another_mirror_of_the_same_origin_needs_is_not_taken_back() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let config = folder.path().join("gitconfig");
    std::fs::write(&config, "").expect("the temporary directory has space");
    let (first, second) = ("https://one.example.com", "https://two.example.com");
    for mirror in [first, second] {
        git_setup_for(&config, ORIGIN, mirror, &["--user", "ann", "--global"]);
    }
    let printed = git_setup_for(&config, ORIGIN, first, &["--undo"]);
    assert!(printed.contains("one.example.com") && !printed.contains("pushInsteadOf"), "{printed}");

    let said = git_setup_for(&config, ORIGIN, first, &["--undo", "--global"]);
    assert!(said.contains("another insteadOf still rewrites https://git.example.com/ and"), "{said}");
    assert!(!std::fs::read_to_string(&config).expect("is there").contains("one.example.com"));
    for (address, read) in [
        ("https://git.example.com/x.git", "https://two.example.com/x.git"),
        ("https://ann@git.example.com/x.git", "https://ann@two.example.com/x.git"),
        ("ssh://git@git.example.com/x.git", "https://two.example.com/x.git"),
        ("git@git.example.com:x.git", "https://two.example.com/x.git"),
    ] {
        assert_eq!(read_and_pushed(&config, address), (read.to_owned(), address.to_owned()));
    }
    let said = git_setup_for(&config, ORIGIN, first, &["--undo", "--global"]);
    assert!(said.contains("nothing to take back"), "{said}");

    let said = git_setup_for(&config, ORIGIN, second, &["--undo", "--global"]);
    assert!(said.contains("from there again"), "{said}");
    assert!(!std::fs::read_to_string(&config).expect("is there").contains("example.com"));
}

#[test]
fn what_another_origin_of_the_same_host_needs_is_not_taken_back() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let config = folder.path().join("gitconfig");
    std::fs::write(&config, "").expect("the temporary directory has space");
    let (a, b) = ("https://git.example.com/a", "https://git.example.com/b");
    let (mirror_of_a, mirror_of_b) = ("https://a.example.org", "https://b.example.org");
    git_setup_for(&config, a, mirror_of_a, &["--global"]);
    git_setup_for(&config, b, mirror_of_b, &["--global"]);
    let said = git_setup_for(&config, b, mirror_of_b, &["--undo", "--global"]);
    assert!(said.contains("still rewrites ssh://git@git.example.com/ and git@git.example.com:,"), "{said}");
    for (address, read) in [
        ("https://git.example.com/a/x.git", "https://a.example.org/x.git"),
        ("https://git.example.com/b/x.git", "https://git.example.com/b/x.git"),
        ("ssh://git@git.example.com/x.git", "https://a.example.org/x.git"),
        ("git@git.example.com:x.git", "https://a.example.org/x.git"),
    ] {
        assert_eq!(read_and_pushed(&config, address), (read.to_owned(), address.to_owned()));
    }
    let left = std::fs::read_to_string(&config).expect("is there");
    assert!(!left.contains("b.example.org") && !left.contains("git.example.com/b"), "{left}");
}

#[test]
fn credentials_stay_while_another_origin_of_the_same_host_needs_them() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let config = folder.path().join("gitconfig");
    std::fs::write(&config, "").expect("the temporary directory has space");
    let (a, b) = ("https://git.example.com/a", "https://git.example.com/b");
    for origin in [a, b] {
        git_setup_for(&config, origin, MIRROR, &["--https-only", "--credentials", "--global"]);
    }
    let helpers = || std::fs::read_to_string(&config).expect("is there").matches("credential fill").count();
    assert_eq!(helpers(), 1, "it is written once for both");
    for (origin, left) in [(b, 1), (a, 0)] {
        git_setup_for(&config, origin, MIRROR, &["--credentials", "--undo", "--global"]);
        assert_eq!(helpers(), left, "{origin}");
    }
    assert!(!std::fs::read_to_string(&config).expect("is there").contains("example.com"));
}

#[test]
fn a_configuration_that_git_cannot_read_is_told() {
    let home = tempfile::tempdir().expect("the temporary directory is writable");
    let config = home.path().join(".gitconfig");
    let call = |arguments: &[&str]| {
        let mut command = program(env!("CARGO_BIN_EXE_heliostat"), &config);
        command.env_remove("GIT_CONFIG_GLOBAL").env_remove("XDG_CONFIG_HOME").env("HOME", home.path());
        command.args(["git-setup", "--origin", ORIGIN, "--mirror-url", MIRROR]).args(arguments);
        command.output().expect("the binary can be run")
    };
    assert!(text(call(&["--undo", "--global"])).contains("nothing to take back"), "there is none");
    text(call(&["--global"]));

    let written = std::fs::read_to_string(&config).expect("is there");
    let broken = format!("{written}[url\n");
    std::fs::write(&config, &broken).expect("the temporary directory has space");
    for arguments in [&["--undo", "--global"][..], &["--undo"], &["--global"]] {
        let refused = call(arguments);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {refused:?}");
        assert!(said.contains("bad config line") && said.contains(".gitconfig"), "{said}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
    assert_eq!(std::fs::read_to_string(&config).expect("is there"), broken);

    std::fs::write(&config, written).expect("the temporary directory has space");
    assert!(text(call(&["--undo", "--global"])).contains("from there again"));
}
