//! Lists of references from a server that is followed, as any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heliostat_fuzz::remote_list(data));
