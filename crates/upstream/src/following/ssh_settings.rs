//! Which keys and known hosts are acceptable for a source over SSH: what `ssh` would refuse later, with less to say about it.

use heliostat_auth::Secret;
use heliostat_refusal::Refusal;

/// Longest private key, in bytes: one of RSA with 16,384 bits.
const MAX_KEY_BYTES: usize = 16_384;
/// Longest list of known hosts, in bytes.
const MAX_KNOWN_HOSTS_BYTES: usize = 65_536;

/// How a key in the form of OpenSSH begins, and how it goes on if nothing encrypts it.
const OPENSSH_KEY: &str = "b3BlbnNzaC1rZXktdjEA";
const NOT_ENCRYPTED: &str = "AAAABG5vbm";

/// A private key as `ssh` reads it, if it has no passphrase.
pub(super) fn checked_key(key: &Secret) -> Result<String, Refusal> {
    let wrong = |message: &str| Err(Refusal::invalid("sshKey", message));
    let key = key.expose();
    if key.len() > MAX_KEY_BYTES {
        return wrong(&format!("A private key has at most {MAX_KEY_BYTES} bytes."));
    }
    // Line ends of other systems, and a last line without one, are the usual reasons for which ssh reads no key.
    let key = format!("{}\n", key.trim().replace("\r\n", "\n"));
    if ["ssh-", "ecdsa-", "sk-"].iter().any(|beginning| key.starts_with(beginning))
        || key.contains("PUBLIC KEY")
    {
        return wrong(
            "This is the public half of a key. It belongs to the source; here the private one is needed, the file \
             without .pub.",
        );
    }
    let mut lines = key.lines();
    let first = lines.next().unwrap_or_default();
    let is_plain = !key.contains(|c: char| c.is_control() && c != '\n');
    if !first.starts_with("-----BEGIN ") || !first.ends_with("PRIVATE KEY-----") || !is_plain {
        return wrong(
            "This is no private key as ssh-keygen writes it: its first line is -----BEGIN ... PRIVATE KEY-----.",
        );
    }
    let body: String = lines.take_while(|line| !line.starts_with("-----END ")).map(str::trim).collect();
    let is_locked = match body.strip_prefix(OPENSSH_KEY) {
        Some(rest) => !rest.starts_with(NOT_ENCRYPTED),
        None => key.contains("ENCRYPTED"),
    };
    if is_locked {
        return wrong(
            "The key has a passphrase, which the server cannot ask for: make a key for this alone, without one.",
        );
    }
    Ok(key)
}

/// Known hosts as `ssh` reads them; none if the text says nothing.
pub(super) fn checked_known_hosts(text: &str) -> Result<Option<String>, Refusal> {
    let wrong = |message: &str| Err(Refusal::invalid("knownHosts", message));
    if text.len() > MAX_KNOWN_HOSTS_BYTES {
        return wrong(&format!("Known hosts have at most {MAX_KNOWN_HOSTS_BYTES} bytes."));
    }
    let text = text.trim().replace("\r\n", "\n");
    if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return wrong("Known hosts hold no control characters.");
    }
    let mut telling = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if let Some(line) = telling.find(|line| line.split_whitespace().count() < 3) {
        return wrong(&format!(
            "Each known host is a line with names, a kind of key and a key, and {line:?} is none."
        ));
    }
    Ok(Some(format!("{text}\n")).filter(|_| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: &str, body: &str) -> Result<String, Refusal> {
        checked_key(&Secret::new(format!("-----BEGIN {first}-----\r\n{body}\r\n-----END {first}-----")))
    }

    #[test]
    fn only_a_private_key_without_a_passphrase_is_taken() {
        let openssh = format!("{OPENSSH_KEY}{NOT_ENCRYPTED}UAAAAEbm9uZQAAAAAAAAAB");
        let taken = key("OPENSSH PRIVATE KEY", &openssh).expect("it is one");
        let written =
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{openssh}\n-----END OPENSSH PRIVATE KEY-----\n");
        assert_eq!(taken, written);
        key("RSA PRIVATE KEY", "MIIEow").expect("it is one");
        let locked = format!("{OPENSSH_KEY}AAAACmFlczI1Ni1jdHI");
        for (refused, says) in [
            (key("OPENSSH PRIVATE KEY", &locked), "passphrase"),
            (key("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nMIIEow"), "passphrase"),
            (key("ENCRYPTED PRIVATE KEY", "MIIEow"), "passphrase"),
            (key("PUBLIC KEY", "MIIEow"), "public half"),
            (checked_key(&Secret::new("ssh-ed25519 AAAA ann@host".to_owned())), "public half"),
            (checked_key(&Secret::new("PuTTY-User-Key-File-3: ssh-ed25519".to_owned())), "ssh-keygen"),
            (checked_key(&Secret::new("x".repeat(MAX_KEY_BYTES + 1))), "at most"),
        ] {
            let refused = refused.expect_err(says).to_string();
            assert!(refused.contains(says) && !refused.contains("MIIEow"), "{refused}");
        }
    }

    #[test]
    fn known_hosts_are_lines_of_three_words() {
        let line = "[git.example.com]:2222 ssh-ed25519 AAAA";
        assert_eq!(
            checked_known_hosts(&format!("# mine\r\n{line}")).expect("valid"),
            Some(format!("# mine\n{line}\n"))
        );
        assert_eq!(checked_known_hosts(" \n").expect("valid"), None);
        for wrong in ["git.example.com", "git.example.com ssh-ed25519", "a b c\0"] {
            checked_known_hosts(wrong).expect_err(wrong);
        }
    }
}
