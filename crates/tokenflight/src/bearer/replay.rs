//! Keeping a body for a second send.

use http::Request;

/// How the layer keeps a request's body for a replay.
///
/// "Cannot be kept" is an answer: such a request is sent once and its refusal returned.
///
/// A body comes and goes with its request, because moving a request costs more than most kinds of keeping a body. The head
/// is to be left as it is, and nothing of it to be kept: it holds the token.
pub trait Replay<B>: Send + Sync + 'static {
    /// The body the inner service gets.
    type Body: Send + 'static;
    /// What is kept of it.
    type Kept: Send + 'static;

    /// A request that is sent once, come what may.
    fn pass(&self, request: Request<B>) -> Request<Self::Body>;

    /// The request to send, and in `kept` what a second body can be made of, if one can.
    fn keep(&self, request: Request<B>, kept: &mut Option<Self::Kept>) -> Request<Self::Body>;

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

    #[inline]
    fn pass(&self, request: Request<B>) -> Request<B> {
        request
    }

    #[inline]
    fn keep(&self, request: Request<B>, kept: &mut Option<B>) -> Request<B> {
        *kept = Some(request.body().clone());
        request
    }

    fn again(&self, kept: &B) -> Option<B> {
        Some(kept.clone())
    }
}
