//! The `overheard` binary: hands over to `cli`.

fn main() {
    std::process::exit(overheard::cli::main());
}
