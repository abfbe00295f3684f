//! A substitute for Windows' bcryptprimitives.dll, for wines that lack it: the one function that Rust's standard library calls.
//!
//! `.ci/release try` builds it for its own use; no archive contains it.

#![no_std]

#[link(name = "advapi32")]
unsafe extern "system" {
    #[link_name = "SystemFunction036"]
    fn rtl_gen_random(buffer: *mut u8, length: u32) -> u8;
}

/// Fills a buffer with random bytes. Always returns 1, as Windows does: it cannot fail.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ProcessPrng(buffer: *mut u8, length: usize) -> i32 {
    let length = length.try_into().expect("std requests a few bytes");
    assert!(unsafe { rtl_gen_random(buffer, length) } == 1, "wine has no random bytes");
    1
}

#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
