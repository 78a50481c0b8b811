//! The same work through other crates, real and pinned, side by side with ours.
//!
//! * `cargo xtask bench --peers`: instructions, allocations and bytes for one call of each, token
//!   requests for a hundred callers at once, and what each cannot do, as a table and in
//!   `target/bench/peers.tsv`. Needs valgrind.
//! * `cargo bench --manifest-path benches/peers/Cargo.toml`: times.
//!
//! How to read it:
//!
//! * Each crate is set up the way its documentation says, with a token of a thousand characters
//!   that is cached and good for an hour at least. What it was measured doing is part of the row: a
//!   *whole layer* takes a request and hands it on; a *token read* ends with a header value, made
//!   as the crate or its documentation makes it, and puts it on nothing. The two are not to be
//!   compared, nor is a layer that keeps a copy to send again with one that does not.
//! * All numbers are net of what the same call costs without authorization on the crate's path.
//! * Instructions repeat to about five per cent, most of which is the allocator; allocations and
//!   bytes are exact. Of times only ratios within one run mean anything.
//! * An atomic instruction counts as one and takes as long as twenty. The tool that counts turns
//!   reading the clock into a call of the kernel, which it does not count: peers that read a clock
//!   on each call, which is most, cost about fifty instructions more than the table says.
//!
//! Left out: reqwest's own retries, which repeat a request with the token that was refused;
//! azure_identity, whose credentials cannot be had without Azure; gcp_auth's user credentials,
//! whose endpoint is fixed. A storm is left out where the cache cannot be empty: kube reads a file,
//! and aliri_tokens has a token before it can be asked.

mod case;
pub mod count;
mod endpoint;
mod fixture;
mod peers;
mod recipe;
mod service;
pub mod storm;
mod table;

/// Why a peer could not be set up.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

pub use case::{Built, Case, Measured, Peer};
pub use endpoint::Source;
pub use fixture::Fixture;
pub use recipe::Recipe;
pub use table::CASES;

use {
    fixture::at_once,
    recipe::{URL, Value},
    service::{Nothing, Req, read, stack, stack_with},
    storm::{Storming, callers},
};

/// A token of the size that real ones have.
pub fn token() -> String {
    "t".repeat(1000)
}
