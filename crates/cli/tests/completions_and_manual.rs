//! What `heliostat completions` prints is a script of its shell, and completes; `heliostat man` leaves out no command.

use std::path::Path;
use std::process::Command;

fn output_of(program: impl AsRef<Path>, arguments: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "the binary and a shell are tested as a person runs them")]
    let output = Command::new(program.as_ref()).args(arguments).output().expect("it can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is text")
}

fn heliostat(arguments: &[&str]) -> String {
    output_of(env!("CARGO_BIN_EXE_heliostat"), arguments)
}

#[test]
fn each_shell_has_a_script() {
    for (shell, mark) in [
        ("bash", "complete -F _heliostat"),
        ("zsh", "#compdef heliostat"),
        ("fish", "complete -c heliostat"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = heliostat(&["completions", shell]);
        assert!(script.contains(mark), "{shell} would not read {script}");
        assert!(script.contains("upstream") && script.contains("sweep-interval"), "{shell}");
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let script = folder.path().join("heliostat");
    std::fs::write(&script, heliostat(&["completions", "bash"])).expect("can be written");
    let script = script.to_str().expect("is UTF-8");
    for (words, number, found) in [
        ("heliostat mir", 1, "mirror"),
        ("heliostat mirror --sweep-in", 2, "--sweep-interval"),
        ("heliostat upstream --log-format j", 3, "json"),
    ] {
        let (_, word) = words.rsplit_once(' ').expect("has two words");
        let before = words.split(' ').rev().nth(1).expect("has two words");
        let line = format!(
            "source {script} && COMP_WORDS=({words}) COMP_CWORD={number} && \
             _heliostat heliostat '{word}' '{before}' && printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let offered = output_of("bash", &["--norc", "-c", &line]);
        assert!(offered.lines().any(|word| word.trim() == found), "{words}: {offered}");
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let pages = folder.path().join("man1");
    heliostat(&["man", pages.to_str().expect("is UTF-8")]);
    let page = |name: &str| {
        let text = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap_or_default();
        // In pages a hyphen is written with a backslash.
        text.replace("\\-", "-")
    };
    assert!(page("heliostat").contains("Smart mirrors for Git"));
    assert!(page("heliostat-mirror").contains("--sweep-interval"), "{}", page("heliostat-mirror"));
    let commands = heliostat(&["-h"]);
    let (_, commands) = commands.split_once("Commands:\n").expect("help lists commands");
    let names = commands.lines().take_while(|line| !line.is_empty());
    // A description that takes a second line stands further to the right.
    let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"wait") && names.contains(&"trash"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let text = page(&format!("heliostat-{name}"));
        assert!(text.contains(&format!(".TH heliostat-{name} 1")), "no page of {name}: {text:?}");
    }
    assert!(!page("heliostat-repository-import").is_empty(), "commands below commands have one");
}
