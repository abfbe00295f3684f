//! The fuzzer's entry to `fuzz::targets::files`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::files::check(data));
