use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::{Either, Empty, Full, Limited};

use super::keep::sealed::Replay;

/// A body whose clones are independent: reading one takes nothing from another.
///
/// `Clone` does not say that. A clone of octocrab's `OctoBody`, or of a stream behind an `Arc`,
/// shares one reading position with the original, and a replay of it would be a request without its
/// body. Implement this for types of your own that hold what they send; record all others, with
/// [`BearerLayer::replay_with`](crate::BearerLayer::replay_with).
///
/// ```
/// use tokenflight::bearer::IndependentClone;
///
/// #[derive(Clone)]
/// struct Form(String);
///
/// impl IndependentClone for Form {}
/// ```
#[diagnostic::on_unimplemented(
    message = "clones of `{Self}` may share one reading position, so the layer does not clone it for a replay",
    label = "not known to have independent clones",
    note = "record it: `BearerLayer::new(session, origins).replay_with(…)`, with a constructor of the client's body type, as \
            `UnsyncBoxBody::new`; for tonic write `tokenflight_tonic::client(channel, layer)`, for reqwest \
            `tokenflight_reqwest::client(client, layer)`"
)]
pub trait IndependentClone: Clone {}

impl<D: Clone + bytes::Buf> IndependentClone for Full<D> {}
impl<D> IndependentClone for Empty<D> {}
impl<L: IndependentClone, R: IndependentClone> IndependentClone for Either<L, R> {}
impl<B: IndependentClone> IndependentClone for Limited<B> {}
impl<B: IndependentClone> IndependentClone for Box<B> {}
impl<B: IndependentClone> IndependentClone for Option<B> {}
impl IndependentClone for Bytes {}
impl IndependentClone for String {}
impl IndependentClone for Vec<u8> {}
impl IndependentClone for &'static [u8] {}
impl IndependentClone for &'static str {}
impl IndependentClone for () {}

/// Keeps bodies by cloning them; what [`BearerLayer::new`](crate::BearerLayer::new) does.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CloneBody;

impl<B: IndependentClone + Send + 'static> Replay<B> for CloneBody {
    type Body = B;
    type Kept = B;

    #[inline(always)]
    fn pass(&self, request: Request<B>) -> Request<B> {
        request
    }

    #[inline(always)]
    fn keep(&self, request: Request<B>) -> (Request<B>, Option<B>) {
        let kept = Some(request.body().clone());
        (request, kept)
    }

    fn poll_again(&self, kept: &mut B, _: &mut Context<'_>) -> Poll<Option<B>> {
        Poll::Ready(Some(kept.clone()))
    }
}
