//! Says what `build.rs` found.

fn main() {
    println!("{} tokens", option_env!("TURSO_TOKENS").unwrap_or("unchecked"));
}
