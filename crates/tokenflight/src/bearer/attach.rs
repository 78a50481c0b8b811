//! Puts the token on a request, where that is ours to do.

use http::{HeaderValue, Method, Request, header::AUTHORIZATION};
use tokenflight_machine::OriginId;

use super::Origins;

/// The listed origin this request goes to; `None` if it must pass untouched: it goes elsewhere, it is a `CONNECT` to a
/// proxy, or its caller has authorised it.
pub(super) fn destination<B>(request: &Request<B>, origins: &Origins) -> Option<OriginId> {
    if request.headers().contains_key(AUTHORIZATION) || *request.method() == Method::CONNECT {
        return None;
    }
    origins.find(request.uri(), request.headers())
}

/// As [`destination`], of a request without an `Authorization` and a `Host`. Searching the headers costs as much as all the
/// rest: who has read their names asks here, and for the full answer only when one of the two was among them.
#[inline]
pub(super) fn addressed<B>(request: &Request<B>, origins: &Origins) -> Option<OriginId> {
    if *request.method() == Method::CONNECT { None } else { origins.addressed(request.uri()) }
}

/// Puts the token in.
#[inline]
pub(super) fn attach<B>(request: &mut Request<B>, token: HeaderValue) {
    request.headers_mut().insert(AUTHORIZATION, token);
}
