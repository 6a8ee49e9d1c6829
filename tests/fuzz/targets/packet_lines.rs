//! Framing: what the packet decoder makes of any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heliostat_fuzz::packet_lines(data));
