//! Packs from a server that is followed, as any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heliostat_fuzz::whole_pack(data));
