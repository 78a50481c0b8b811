//! Is this response a refusal of our token, and could another token cure it?

use std::{fmt, time::Duration};

use crate::bearer::challenge::{Challenge, Meaning, read};
use http::{HeaderMap, Response, StatusCode};

use super::grpc::{self, Ended};
use crate::sync::Arc;

/// What the head of a response says about the token it was asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing.
    Nothing,
    /// It was good: for the storm guard.
    Accepted,
    /// It was refused.
    Refused,
    /// A gRPC call that has begun: its trailers will say.
    Stream,
}

/// What else is a refusal beside a 401 and gRPC's status 16, for servers with habits of their own.
#[derive(Clone, Default)]
pub(super) struct AlsoRefused(Option<Arc<Predicate>>);

type Predicate = dyn Fn(StatusCode, &HeaderMap) -> bool + Send + Sync;

impl AlsoRefused {
    pub(super) fn when(predicate: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(predicate)))
    }

    fn says<R>(&self, response: &Response<R>) -> bool {
        self.0.as_ref().is_some_and(|also| also(response.status(), response.headers()))
    }
}

impl fmt::Debug for AlsoRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "AlsoRefused(..)" } else { "AlsoRefused(none)" })
    }
}

/// Looks at the head of a response. A 403, 407, 421 or 425 is no refusal of a token.
#[inline]
pub(super) fn look<R>(response: &Response<R>, also: &AlsoRefused) -> Look {
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED || also.says(response) {
        return Look::Refused;
    }
    if !status.is_success() {
        return Look::Nothing;
    }
    if response.headers().is_empty() || !grpc::is_grpc(response.headers()) {
        return Look::Accepted;
    }
    match grpc::ended(response.headers()) {
        None => Look::Stream,
        Some(Ended::Ok) => Look::Accepted,
        Some(Ended::Unauthenticated) => Look::Refused,
        Some(Ended::Otherwise) => Look::Nothing,
    }
}

/// What may be done about a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Nothing: the server asks for something that a new token from the same grant does not have.
    None(Challenge),
    /// Refresh, but do not send this request again: the server said so.
    Refresh,
    /// Refresh and send again, not before this time has passed.
    Replay(Duration),
}

/// A server that asks for more patience than this could hold its callers for ever; they get its refusal instead.
const LONGEST_PUSHBACK: Duration = Duration::from_secs(60);

/// What may be done about this refusal.
pub(super) fn cure<R>(response: &Response<R>) -> Cure {
    let challenge = read(response.headers());
    if challenge.meaning() != Meaning::Refresh {
        return Cure::None(challenge);
    }
    match grpc::pushback(response.headers()) {
        Ok(None) => Cure::Replay(Duration::ZERO),
        Ok(Some(wait)) if wait <= LONGEST_PUSHBACK => Cure::Replay(wait),
        Ok(Some(_)) | Err(()) => Cure::Refresh,
    }
}
