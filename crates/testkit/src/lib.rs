//! Test harness: private servers per test, webhook sink, builders.
