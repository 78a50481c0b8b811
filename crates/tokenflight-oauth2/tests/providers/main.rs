//! The table of providers: each row against literal answers of its server, and the page that is
//! made of all rows.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod fixture;
mod page;
mod presets;
