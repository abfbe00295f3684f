//! The fuzzer's entry to `fuzz::targets::call`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::call::check(data));
