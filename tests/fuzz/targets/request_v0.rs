//! Requests of protocol version 0 and 1, as any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heliostat_fuzz::request_v0(data));
