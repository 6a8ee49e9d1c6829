//! The arguments of the command `fetch` of protocol version 2.

use crate::fetch::{FetchDraft, FetchRequest, ProtocolVersion, RequestEnding};
use crate::packets::{Bands, Command, RequestError};

impl FetchRequest {
    /// Reads the arguments of a `fetch`. What was not offered (`want-ref`, `sideband-all`, `packfile-uris`) is refused.
    pub fn parse_v2(command: &Command<'_>) -> Result<Self, RequestError> {
        Self::parse_v2_offered(command, Bands::Pack)
    }

    /// The same where answers may have been offered in these bands. That changes nothing of what the request means:
    /// [`Bands::wanted_by`] says what its client wants.
    pub fn parse_v2_offered(command: &Command<'_>, offered: Bands) -> Result<Self, RequestError> {
        let mut draft = FetchDraft::new(Some(command.object_format()));
        let (mut done, mut wait_for_done) = (false, false);
        for argument in command.arguments() {
            if let Some(name) = argument.strip_prefix(b"want ") {
                draft.want(name)?;
            } else if let Some(name) = argument.strip_prefix(b"have ") {
                draft.have(name)?;
            } else if let Some(filter) = argument.strip_prefix(b"filter ") {
                draft.filter(filter)?;
            } else if !draft.takes_history_line(argument)? {
                match argument {
                    b"done" => done = true,
                    b"wait-for-done" => wait_for_done = true,
                    b"thin-pack" => draft.thin_pack = true,
                    b"ofs-delta" => draft.ofs_delta = true,
                    b"include-tag" => draft.include_tag = true,
                    b"deepen-relative" => draft.deepen_relative = true,
                    // Stored answers hold none, and a number that is never shown is not waited for.
                    b"no-progress" => {}
                    b"sideband-all" if offered == Bands::All => {}
                    _ => {
                        let argument = RequestError::quoted(argument);
                        return Err(RequestError::UnknownArgument { command: "fetch", argument });
                    }
                }
            }
        }
        let ending = match (done, wait_for_done) {
            (true, _) => RequestEnding::Pack,
            (false, true) => RequestEnding::Acknowledge,
            (false, false) => RequestEnding::Negotiate,
        };
        draft.finish(ProtocolVersion::V2, ending)
    }
}
