//! The `overheard` binary.

fn main() {}
