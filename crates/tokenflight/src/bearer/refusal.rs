//! Is this response a refusal of our token, and could another token cure it?

use http::{Response, StatusCode};
use tokenflight_core::challenge::{Meaning, judge};

/// Whether a response is worth a closer look: nothing but a 401 is a refusal of a token.
pub(super) fn refused<R>(response: &Response<R>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
}

/// Whether another token may cure it.
pub(super) fn curable<R>(response: &Response<R>) -> bool {
    judge(response.headers()) == Meaning::Refresh
}

/// Whether it shows that the token was accepted, for the storm guard.
pub(super) fn accepted<R>(response: &Response<R>) -> bool {
    response.status().is_success()
}
