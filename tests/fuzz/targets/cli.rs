//! The fuzzer's entry to `fuzz::targets::cli`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::cli::check(data));
