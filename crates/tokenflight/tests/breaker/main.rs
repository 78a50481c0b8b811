//! The breaker: many sessions of one authorization server on manual time. Each test was seen red
//! without the handling.
#![cfg(not(shuttle))]
#![allow(clippy::unwrap_used)]

mod foreign_code;
mod lifting;
mod opening;
mod places;
mod support;
mod trials;
