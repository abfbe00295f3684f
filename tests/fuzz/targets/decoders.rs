//! The fuzzer's entry to `fuzz::targets::decoders`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::decoders::check(data));
