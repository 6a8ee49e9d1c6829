//! `git` answering clients: one process per request, its input fed and its output handed on piece by piece.

mod feed;
mod new_refs;
mod prepare_push;
mod push_window;
mod receive_pack;
mod request_body;
mod run;
mod service_end;

pub use receive_pack::{MAX_PUSH_BYTES, MAX_RECEIVE_REPORT_BYTES, ReceivedPack, receive_pack};
pub(crate) use request_body::bounded;
pub use request_body::{UnsupportedEncoding, decode_request_body};
pub use run::{
    GitOutput, MAX_FETCH_REQUEST_BYTES, RunningService, ServeMode, ServeOptions, advertise_by_git,
    answer_of_upload_pack, exchange, pack_objects, serve, upload_pack_by_git,
};
pub use service_end::ServiceEnd;
