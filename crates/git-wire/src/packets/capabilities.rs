//! What this server can do, as it says at the start of a conversation in version 2.

use bytes::Bytes;

use crate::names::ObjectFormat;
use crate::packets::{Command, push_flush, push_packet};

/// What this server calls itself. Clients only show it.
pub const AGENT: &str = concat!("git/heliostat-", env!("CARGO_PKG_VERSION"));

/// By this a client says that it wants all lines of an answer in side bands.
const SIDEBAND_ALL: &[u8] = b"sideband-all";

/// Whether the server has bundles that a client may download before it fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundles {
    /// There are some, and the command `bundle-uri` lists them.
    Offered,
    /// There are none.
    None,
}

/// Which lines of the answer to a fetch in version 2 are in side bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bands {
    /// Those of the pack.
    Pack,
    /// All of them, so that people can be told something before the pack begins. It costs looking at the beginning of each
    /// answer.
    All,
}

impl Bands {
    /// What the client of this `fetch` wants, which may have been offered all.
    pub fn wanted_by(command: &Command<'_>) -> Self {
        let wants_all = command.arguments().any(|argument| argument == SIDEBAND_ALL);
        if wants_all { Self::All } else { Self::Pack }
    }
}

/// The body of `GET info/refs` in version 2: the capabilities, and nothing about references.
pub fn advertisement_v2(format: ObjectFormat, bundles: Bundles, bands: Bands) -> Bytes {
    let agent = format!("agent={AGENT}\n");
    let object_format = format!("object-format={format}\n");
    let mut lines = vec![
        "version 2\n",
        &agent,
        "ls-refs=unborn\n",
        match bands {
            Bands::Pack => "fetch=shallow wait-for-done filter\n",
            Bands::All => "fetch=shallow wait-for-done filter sideband-all\n",
        },
        "server-option\n",
        &object_format,
        // Clients ask by it only for what it names.
        "object-info=size\n",
    ];
    if bundles == Bundles::Offered {
        lines.push("bundle-uri\n");
    }
    let mut output = Vec::new();
    for line in lines {
        push_packet(&mut output, &[line.as_bytes()]);
    }
    push_flush(&mut output);
    output.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::spelled;

    #[test]
    fn a_client_that_reads_all_in_bands_says_so() {
        let offer = advertisement_v2(ObjectFormat::Sha1, Bundles::None, Bands::All);
        assert!(String::from_utf8_lossy(&offer).contains("filter sideband-all\n"));
        let want = format!("want {}", "1".repeat(40));
        for (word, bands) in [("sideband-all", Bands::All), ("thin-pack", Bands::Pack)] {
            let body = spelled(&["command=fetch", "|", &want, word, "done", "."]);
            let command = Command::read(&body).expect("framed").expect("a command");
            assert_eq!(Bands::wanted_by(&command), bands);
        }
    }
}
