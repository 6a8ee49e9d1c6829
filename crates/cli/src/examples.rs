//! Each command shows in its help how it is typed, and what it shows is a command line that there is: examples are copied
//! without reading what the options mean.

use clap::CommandFactory;

use crate::command::Cli;
use crate::settings;

/// Examples are typed on terminals of this width.
const NARROW_TERMINAL: usize = 80;

/// What a variable of the shell stands for: the name of a commit, which all that takes a text takes, too.
const VALUE_OF_VARIABLES: &str = "0123456789abcdef0123456789abcdef01234567";

/// A command of the tree that is not hidden. `help`, which clap adds when it builds the tree, is not among them.
struct ShownCommand {
    /// How it is called behind `heliostat`, empty for the whole.
    path: Vec<String>,
    /// What stands behind its options.
    help: String,
}

fn shown_commands() -> Vec<ShownCommand> {
    let mut found = Vec::new();
    add_with_those_below(&Cli::command(), &[], &mut found);
    found
}

fn add_with_those_below(command: &clap::Command, path: &[String], found: &mut Vec<ShownCommand>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    found.push(ShownCommand { path: path.to_vec(), help });
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let path = [path, &[below.get_name().to_owned()]].concat();
        add_with_those_below(below, &path, found);
    }
}

impl ShownCommand {
    fn name(&self) -> String {
        format!("heliostat {}", self.path.join(" "))
    }

    /// The lines below "Examples:", up to an empty one.
    fn lines(&self) -> impl Iterator<Item = &str> {
        let lines = self.help.lines().skip_while(|line| *line != "Examples:").skip(1);
        lines.take_while(|line| !line.is_empty())
    }

    /// The examples, each on one line.
    fn examples(&self) -> Vec<String> {
        let mut examples = Vec::<String>::new();
        let mut goes_on = false;
        for line in self.lines() {
            let part = line.strip_suffix('\\');
            let text = part.unwrap_or(line).trim();
            match examples.last_mut().filter(|_| goes_on) {
                Some(example) => example.extend([" ", text]),
                None => examples.push(text.to_owned()),
            }
            goes_on = part.is_some();
        }
        examples
    }
}

/// The words of an example from `heliostat` on, as a shell splits them, up to what is no longer its: a pipe, a redirection, the
/// end of a substitution, or the explanation, which stands behind two spaces.
fn words_of(example: &str) -> Vec<String> {
    let begins = |at: &usize| matches!(example[..*at].chars().next_back(), None | Some(' ' | '('));
    let Some(start) = example.match_indices("heliostat ").map(|(at, _)| at).find(begins) else {
        return Vec::new();
    };
    let mut words = Vec::<String>::new();
    let mut is_in_word = false;
    let mut quote = None::<char>;
    let mut rest = example[start..].chars().peekable();
    while let Some(letter) = rest.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, ' ') if rest.peek() == Some(&' ') => break,
            (None, ' ') => is_in_word = false,
            (None, '|' | '>' | '<' | '&' | ';' | ')') => break,
            _ => {
                if !is_in_word {
                    words.push(String::new());
                    is_in_word = true;
                }
                if quote.is_none() && matches!(letter, '\'' | '"') {
                    quote = Some(letter);
                } else if let Some(word) = words.last_mut() {
                    word.push(letter);
                }
            }
        }
    }
    assert_eq!(quote, None, "a quote is not closed: {example}");
    let value = |word: String| if word.starts_with('$') { VALUE_OF_VARIABLES.to_owned() } else { word };
    words.into_iter().map(value).collect()
}

#[test]
fn each_command_has_examples_of_itself() {
    for command in shown_commands() {
        let examples = command.examples();
        assert!(!examples.is_empty(), "{} shows no \"Examples:\" in its help", command.name());
        for example in examples {
            let words = words_of(&example);
            let is_of_it = words.iter().skip(1).zip(&command.path).all(|(word, name)| word == name);
            assert!(
                is_of_it && words.len() > command.path.len(),
                "no example of {}: {example}",
                command.name()
            );
        }
    }
}

#[test]
fn examples_are_commands_that_there_are() {
    let mut tried = 0;
    for command in shown_commands() {
        for example in command.examples() {
            let words = words_of(&example).into_iter().map(Into::into);
            if let Err(error) = settings::parse(words) {
                panic!("{}: {example}: {error}", command.name());
            }
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried} examples were found");
}

#[test]
fn examples_can_be_copied_from_a_narrow_terminal() {
    for command in shown_commands() {
        for line in command.lines() {
            assert!(line.len() < NARROW_TERMINAL, "clap would break it in two: {line}");
        }
    }
}

#[test]
fn an_example_is_split_as_a_shell_does() {
    let of_commit = format!("heliostat|wait|--commit|{VALUE_OF_VARIABLES}");
    for (example, words) in [
        ("heliostat demo      see it work", "heliostat|demo"),
        ("heliostat x --name 'My project' -y", "heliostat|x|--name|My project|-y"),
        ("heliostat x ''", "heliostat|x|"),
        ("heliostat wait --commit \"$COMMIT\"", of_commit.as_str()),
        ("HELIOSTAT_URL=https://git.example.com heliostat demo", "heliostat|demo"),
        ("git clone \"$(heliostat clone-url PRJ/site)\"", "heliostat|clone-url|PRJ/site"),
        ("echo secret | heliostat x - > log", "heliostat|x|-"),
        ("systemctl start heliostat-upstream", ""),
    ] {
        assert_eq!(words_of(example).join("|"), words, "{example}");
    }
}
