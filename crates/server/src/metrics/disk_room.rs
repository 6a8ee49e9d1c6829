//! Room on the disk of the repositories.

use std::fmt;

use heliostat_git::DiskRoom;

use super::encoder::Encoder;

pub(super) fn encode(room: Option<DiskRoom>, encoder: &mut Encoder<'_>) -> fmt::Result {
    let (free, total) = room.map_or((0, 0), |room| (room.free_bytes, room.total_bytes));
    encoder.gauge(
        "heliostat_disk_free_bytes",
        "Bytes that are free on the disk with the repositories.",
        free,
    )?;
    encoder.gauge("heliostat_disk_size_bytes", "Bytes of the disk with the repositories.", total)
}
