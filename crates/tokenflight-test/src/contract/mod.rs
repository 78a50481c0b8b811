//! Suites that check other implementations of the contracts in `tokenflight-core`.
//!
//! Each rule is one public async function that panics, naming the rule, when the rule is broken; `all` runs them all.
//! No suite needs an executor of its own: await it in yours.

pub mod grant;
pub mod time;
