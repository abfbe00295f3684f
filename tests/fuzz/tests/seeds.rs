//! What the targets check holds for each seed, with any toolchain.

use fuzz::targets;
use std::fs;
use std::path::Path;

fn check_seeds(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Shown where one of them panics.
        println!("{}", path.display());
        check(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 8, "{count} seeds");
}

#[test]
fn decoders() {
    check_seeds("decoders", targets::decoders::check);
}

#[test]
fn urls() {
    check_seeds("urls", targets::urls::check);
}

#[test]
fn call() {
    check_seeds("call", targets::call::check);
}
