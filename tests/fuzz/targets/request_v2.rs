//! Requests of protocol version 2, as any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heliostat_fuzz::request_v2(data));
