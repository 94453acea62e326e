//! Rebuilds the crate when a migration is added, changed or removed: they are embedded in it.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
