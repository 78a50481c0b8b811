//! A successful token response (RFC 6749 §5.1), in all its spellings.

use std::time::Duration;

use tokenflight_core::{GrantError, RefreshToken, TokenSet};

use super::{
    members::Members,
    verdict::{NoTokens, Verdict},
};
use crate::provider::{Provider, ZeroLifetime};

/// What a [`TokenSet`] has a place for.
const KNOWN: &[&str] = &["access_token", "refresh_token", "expires_in", "refresh_in", "scope", "token_type"];

pub(super) fn read(outer: &Members, provider: &Provider) -> Verdict {
    let nested = provider.nested.filter(|_| outer.text("access_token").is_none()).and_then(|name| outer.inside(name));
    let members = nested.as_ref().unwrap_or(outer);
    let refresh = members.text("refresh_token");
    let rotated = |error: GrantError| match &refresh {
        // Whatever else is wrong: the old one is spent.
        Some(token) => error.rotated(RefreshToken::new(token.as_ref())),
        None => error,
    };
    let Some(access) = members.text("access_token") else {
        return Verdict::Odd(rotated(GrantError::ambiguous(NoTokens("the answer has no access token and no error"))));
    };
    let mut set = TokenSet::new(access);
    match members.text("token_type") {
        // Some vendors name the kind of account here, and mean Bearer.
        Some(kind) if provider.bearer_types.contains(&kind.as_ref()) => set = set.token_type("Bearer"),
        Some(kind) => set = set.token_type(kind),
        None if provider.strict_type => {
            return Verdict::Failed(rotated(GrantError::config(NoTokens("the answer has no token_type"))));
        }
        None => {}
    }
    if let Some(token) = &refresh {
        set = set.refresh_token(token.as_ref());
    }
    match members.number("expires_in") {
        Some(seconds) if seconds <= 0.0 && provider.zero_lifetime == ZeroLifetime::Never => {}
        Some(seconds) => set = set.expires_in_seconds(seconds),
        None => {}
    }
    if let (None, Some(seconds)) = (set.lifetime(), provider.lifetimes.unannounced)
        && members.number("expires_in").is_none()
    {
        set = set.expires_in(Duration::from_secs(seconds.into()));
    }
    let hint = members.number("refresh_in").filter(|seconds| *seconds > 0.0);
    // Longer than a duration can be is no hint.
    if let Some(Ok(after)) = hint.map(Duration::try_from_secs_f64) {
        set = set.refresh_in(after);
    }
    if let Some(scope) = members.words("scope") {
        set = set.scope(scope);
    }
    if let Some(others) = outer.others(KNOWN) {
        set = set.extra(others);
    }
    Verdict::Tokens(set)
}
