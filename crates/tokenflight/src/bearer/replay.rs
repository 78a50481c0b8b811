//! Keeping a body for a second send.

use http::request::Parts;

/// How the layer keeps a request's body for a replay.
///
/// "Cannot be kept" is an answer: such a request is sent once and its refusal returned.
pub trait Replay<B>: Send + Sync + 'static {
    /// The body the inner service gets.
    type Body: Send + 'static;
    /// What is kept of it.
    type Kept: Send + 'static;

    /// The body of a request that is sent once, come what may.
    fn pass(&self, body: B) -> Self::Body;

    /// Splits a body into the one that is sent and what a second one can be made of. The head is that of its request,
    /// still without the token.
    fn keep(&self, head: &Parts, body: B) -> (Self::Body, Option<Self::Kept>);

    /// A body for a replay; `None` if, after all, there cannot be one.
    fn again(&self, kept: &Self::Kept) -> Option<Self::Body>;
}

/// Keeps bodies that can be cloned, by cloning them: `Full`, `Empty`, and whatever shares its bytes.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CloneBody;

impl<B: Clone + Send + 'static> Replay<B> for CloneBody {
    type Body = B;
    type Kept = B;

    fn pass(&self, body: B) -> B {
        body
    }

    fn keep(&self, _: &Parts, body: B) -> (B, Option<B>) {
        let kept = body.clone();
        (body, Some(kept))
    }

    fn again(&self, kept: &B) -> Option<B> {
        Some(kept.clone())
    }
}
