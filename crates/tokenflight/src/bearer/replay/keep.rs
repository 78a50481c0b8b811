use std::task::{Context, Poll};

use http::Request;

/// How the layer keeps a request's body for a replay: [`CloneBody`](super::CloneBody) or
/// [`Recorded`](super::Recorded). Sealed.
pub trait Replay<B>: sealed::Replay<B> {}

impl<B, K: sealed::Replay<B>> Replay<B> for K {}

pub(in crate::bearer) mod sealed {
    use super::{Context, Poll, Request};

    /// A body comes and goes with its request.
    #[diagnostic::on_unimplemented(
        message = "the layer cannot keep a body of type `{B}` for a replay",
        label = "a replay needs a second body",
        note = "record it: `BearerLayer::new(session, origins).replay_with(…)`, with a constructor of the client's body type, as \
                `UnsyncBoxBody::new`; for tonic write `tokenflight_tonic::client(channel, layer)`, for reqwest \
                `tokenflight_reqwest::client(client, layer)`"
    )]
    #[expect(unnameable_types, reason = "sealed")]
    pub trait Replay<B>: Clone + Send + Sync + 'static {
        /// The body the inner service gets.
        type Body: Send + 'static;
        /// What is kept of it.
        type Kept: Send + 'static;

        /// A request that is sent once, come what may.
        fn pass(&self, request: Request<B>) -> Request<Self::Body>;

        /// The request to send, and what a second body can be made of, if one can.
        fn keep(&self, request: Request<B>) -> (Request<Self::Body>, Option<Self::Kept>);

        /// A body for a replay; `None` if, after all, there cannot be one. Pending while the rest
        /// of a body is read that is known to have an end.
        fn poll_again(&self, kept: &mut Self::Kept, cx: &mut Context<'_>) -> Poll<Option<Self::Body>>;
    }
}
