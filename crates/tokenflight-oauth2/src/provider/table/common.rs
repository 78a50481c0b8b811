//! What rows have in common.

use tokenflight_core::grant::ReusePolicy;

use crate::provider::{
    AssertionAudience, Body, Endpoints, Lifetimes, OldAccess, Provider, Rotation, Second, ZeroLifetime,
};

pub(super) const CHECKED: &str = "2026-11";
pub(super) const HOUR: u32 = 3_600;
pub(super) const DAY: u32 = 24 * HOUR;

/// Nothing is known: strict.
pub const UNKNOWN: &Provider = &Provider {
    name: "unknown",
    title: "Any other",
    rotation: Rotation::Unknown,
    reuse: ReusePolicy::Strict,
    second: Second::Unknown,
    configurable: false,
    old_access: OldAccess::Lives,
    signs: &[],
    body: Body::Form,
    form_answers: false,
    nested: None,
    bearer_types: &[],
    strict_type: false,
    zero_lifetime: ZeroLifetime::Once,
    clustered: false,
    endpoints: Endpoints::NONE,
    auth: &[],
    audience: AssertionAudience::Issuer,
    lifetimes: Lifetimes { unannounced: None, idle: None, absolute: None, earliest: None },
    sends: &[],
    withholds: &[],
    note: "",
    source: "RFC 6749",
    checked: CHECKED,
};

/// A reuse policy with a window in seconds.
pub(super) const fn grace(seconds: u64) -> ReusePolicy {
    ReusePolicy::grace(std::time::Duration::from_secs(seconds))
}

/// Lifetimes of refresh tokens, in seconds.
pub(super) const fn lives(idle: Option<u32>, absolute: Option<u32>) -> Lifetimes {
    Lifetimes { unannounced: None, idle, absolute, earliest: None }
}

/// Endpoints below a common beginning.
pub(super) const fn at(base: &'static str, authorization: &'static str, token: &'static str) -> Endpoints {
    Endpoints { base, authorization: Some(authorization), token: Some(token), ..Endpoints::NONE }
}
