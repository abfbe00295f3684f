//! Shows what `build.rs` found.
fn main() {}
