use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use tokenflight_core::{FailureClass, GrantError, Secret};

use super::{
    fault::Fault,
    members::Members,
    retry_after, tokens,
    verdict::{NoTokens, Verdict},
};
use crate::{BoxError, provider::Provider};

/// One HTTP response of a token endpoint, with its body or why that did not arrive whole.
pub struct Answer<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a Result<Bytes, BoxError>,
    secrets: &'a [Secret],
}

impl<'a> Answer<'a> {
    /// A response.
    #[must_use]
    pub const fn new(status: StatusCode, headers: &'a HeaderMap, body: &'a Result<Bytes, BoxError>) -> Self {
        Self { status, headers, body, secrets: &[] }
    }

    /// What the request carried that must not be told: servers repeat tokens and secrets in their
    /// descriptions. A code or a description that contains one of these, or a good part of it, raw
    /// or percent-encoded, is withheld.
    #[must_use]
    pub const fn hiding(self, secrets: &'a [Secret]) -> Self {
        Self { secrets, ..self }
    }
}

impl fmt::Debug for Answer<'_> {
    /// Without headers and body, which hold tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// How long to leave an endpoint alone that is not where it should be.
const LONG: Duration = Duration::from_secs(60);

/// Puts an answer into exactly one class.
#[must_use]
pub fn judge(answer: &Answer<'_>, provider: &Provider) -> Verdict {
    match answer.status.as_u16() {
        200..=299 => success(answer, provider),
        // Never followed: the refresh token would travel along.
        300..=399 => Verdict::Failed(GrantError::config(Redirected::of(answer.headers))),
        _ => Verdict::Failed(waiting(refusal(answer, provider), answer)),
    }
}

/// What a status of 400 and more means. The error has what the body says in each case.
fn refusal(answer: &Answer<'_>, provider: &Provider) -> GrantError {
    let told = |class| {
        let error = GrantError::new(class).source(Status(answer.status));
        match found(answer, provider) {
            Some(fault) => fault.describe(error, answer.secrets),
            None => error,
        }
    };
    match answer.status.as_u16() {
        429 => told(FailureClass::Throttled),
        // Nothing was processed: the request came too early in a connection (RFC 8470 §5.2).
        425 => told(FailureClass::NotSent),
        404 | 405 | 410 | 501 => told(FailureClass::Config).retry_after(LONG),
        407 | 413 | 414 | 431 | 511 => told(FailureClass::Config),
        // The same token may be in use elsewhere at this moment.
        408 | 409 | 423 => told(FailureClass::Ambiguous),
        // A 4xx that may carry a code. Without one it comes from a gateway, a firewall or a proxy,
        // and not from the authorization server.
        400..=499 => match found(answer, provider) {
            Some(fault) => fault.into_error(answer.secrets),
            None => GrantError::config(Status(answer.status)),
        },
        // The answer of the server behind a gateway may be lost; a failing server proves nothing,
        // and neither does a status that is no status (RFC 9110 §15).
        _ => told(FailureClass::Ambiguous),
    }
}

/// What an answer that should hold no tokens says went wrong: `None` for a success that names none.
#[cfg(feature = "login")]
pub(crate) fn fault(answer: &Answer<'_>, provider: &Provider) -> Option<GrantError> {
    match judge(answer, provider) {
        Verdict::Failed(error) => Some(error),
        Verdict::Tokens(_) | Verdict::Odd(_) => None,
    }
}

/// Whether an answer has this standard code, also where the provider's row tells it by another one.
pub(crate) fn says(answer: &Answer<'_>, provider: &Provider, code: &str) -> bool {
    let members = answer.body.as_ref().ok().and_then(|body| Members::read(body, answer.headers, provider));
    members.is_some_and(|members| members.text("error").is_some_and(|told| told == code))
}

fn success(answer: &Answer<'_>, provider: &Provider) -> Verdict {
    let body = match answer.body {
        Ok(body) => body,
        // The rotation has happened; the refresh token is very likely spent.
        Err(error) => return Verdict::Failed(GrantError::ambiguous(error.to_string())),
    };
    let Some(members) = Members::read(body, answer.headers, provider) else {
        return Verdict::Odd(GrantError::ambiguous(NoTokens("the answer is neither JSON nor an allowed form")));
    };
    // The body wins over the status.
    if let Some(fault) = Fault::find(answer.status, &members, provider) {
        return Verdict::Failed(waiting(fault.into_error(answer.secrets), answer));
    }
    tokens::read(&members, provider)
}

fn found(answer: &Answer<'_>, provider: &Provider) -> Option<Fault> {
    let body = answer.body.as_ref().ok()?;
    Fault::find(answer.status, &Members::read(body, answer.headers, provider)?, provider)
}

/// Adds the time the server named.
fn waiting(error: GrantError, answer: &Answer<'_>) -> GrantError {
    match retry_after::read(answer.headers) {
        Some(after) => error.retry_after(after),
        None => error,
    }
}

/// An error response, by its status.
#[derive(Debug)]
struct Status(StatusCode);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the token endpoint answered {}", self.0.as_u16())
    }
}

impl std::error::Error for Status {}

/// A redirect, by the host alone: the rest of the address may hold secrets.
#[derive(Debug)]
struct Redirected(Option<String>);

impl Redirected {
    fn of(headers: &HeaderMap) -> Self {
        let target = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let uri = target.and_then(|target| target.parse::<http::Uri>().ok());
        /// A host name is not longer than this (RFC 1035 §2.3.4).
        const MOST: usize = 255;
        Self(uri.and_then(|uri| uri.host().filter(|host| host.len() <= MOST).map(str::to_owned)))
    }
}

impl fmt::Display for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(host) => write!(f, "the token endpoint redirects to {host}, which is never followed"),
            None => f.write_str("the token endpoint redirects, which is never followed"),
        }
    }
}

impl std::error::Error for Redirected {}
