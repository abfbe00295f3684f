//! The fuzzer's entry to `fuzz::targets::urls`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::urls::check(data));
