//! Does nothing; its build does.

fn main() {}
