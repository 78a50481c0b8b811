//! Pieces of code as their authors write them, given to the compiler: the mistakes of beginners,
//! whose errors say what to write instead, and the first example of the README, which runs.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

#[path = "snippets/compiler.rs"]
mod compiler;
#[path = "snippets/mistakes.rs"]
mod mistakes;
#[path = "snippets/readme.rs"]
mod readme;
