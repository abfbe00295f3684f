//! The fuzzer's entry to `fuzz::targets::texts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::texts::check(data));
