//! Is this response a refusal of our token, and could another token resolve it?

use std::{fmt, time::Duration};

use crate::bearer::challenge::{Challenge, Meaning, read};
use http::{HeaderMap, Response, StatusCode};

use super::grpc;
use crate::{sync::Arc, telemetry::Trigger};

/// What the head of a response says about the token it was asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Nothing,
    Refused,
    /// It was understood, and something else is missing.
    Missing(Box<Challenge>),
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

    #[inline]
    pub(super) fn says(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        self.0.as_ref().is_some_and(|also| also(status, headers))
    }
}

impl fmt::Debug for AlsoRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "AlsoRefused(..)" } else { "AlsoRefused(none)" })
    }
}

/// Looks at the head of a response. A 403, 407, 421 or 425 is no refusal of a token.
#[inline]
pub(super) fn inspect<R>(response: &Response<R>, also: &AlsoRefused) -> Verdict {
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED || also.says(status, response.headers()) {
        return Verdict::Refused;
    }
    if !status.is_success() {
        return missing(response);
    }
    if response.headers().is_empty() || !grpc::is_grpc(response.headers()) {
        return Verdict::Nothing;
    }
    match grpc::unauthenticated(response.headers()) {
        None => Verdict::Stream,
        Some(true) => Verdict::Refused,
        Some(false) => Verdict::Nothing,
    }
}

/// RFC 6750 §3.1 gives `insufficient_scope` the status 403 and `invalid_request` 400.
#[cold]
fn missing<R>(response: &Response<R>) -> Verdict {
    if !matches!(response.status(), StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
        return Verdict::Nothing;
    }
    let challenge = read(response.headers());
    // The error is read from any scheme.
    let meaning = match challenge.meaning() {
        Meaning::OtherScheme => challenge.meaning_of_error(),
        meaning => meaning,
    };
    match meaning {
        Meaning::Refresh | Meaning::OtherScheme | Meaning::UnknownError => Verdict::Nothing,
        _ => Verdict::Missing(Box::new(challenge)),
    }
}

/// What it was that refused a token, for those who are told.
pub(super) fn trigger(status: StatusCode, headers: &HeaderMap) -> Trigger {
    let grpc = status.is_success() && grpc::unauthenticated(headers) == Some(true);
    if grpc { Trigger::Grpc } else { Trigger::Http(status) }
}

/// What may be done about a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Nothing: the server asks for something that a new token from the same grant does not have.
    None(Challenge),
    /// Refresh, but do not send this request again: the server said so.
    Refresh,
    /// Refresh and send again, not before this time has passed.
    Replay(Duration),
}

/// A server that asks for more patience than this could hold its callers for ever; they get its
/// refusal instead.
const LONGEST_PUSHBACK: Duration = Duration::from_secs(60);

/// What may be done about this refusal. What a challenge says in words of its own (another scheme,
/// an unknown code) is about the token if the user's predicate says so.
pub(super) fn reaction<R>(response: &Response<R>, also: &AlsoRefused) -> Reaction {
    let challenge = read(response.headers());
    match challenge.meaning() {
        Meaning::Refresh => {}
        Meaning::OtherScheme | Meaning::UnknownError if also.says(response.status(), response.headers()) => {}
        _ => return Reaction::None(challenge),
    }
    match grpc::pushback(response.headers()) {
        Ok(None) => Reaction::Replay(Duration::ZERO),
        Ok(Some(wait)) if wait <= LONGEST_PUSHBACK => Reaction::Replay(wait),
        Ok(Some(_)) | Err(()) => Reaction::Refresh,
    }
}
