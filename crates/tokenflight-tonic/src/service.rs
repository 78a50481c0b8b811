use std::task::{Context, Poll};

use http::{Request, Response};
use tokenflight::{
    Bearer, BearerLayer, BoxError, Session,
    bearer::{Choice, CloneBody, Recorded, ReplayBody},
};
use tonic::{Status, body::Body};
use tower_layer::Layer;
use tower_service::Service;

use crate::{future::StatusFuture, status::status_of};

/// Makes the body that tonic's channels want.
pub type Construct = fn(ReplayBody<Body>) -> Body;

/// A channel, or another service of tonic's requests, whose calls carry a session's token:
/// `Client<Channel>`.
pub type Client<S, P = Session> = StatusService<Bearer<S, Recorded<Construct>, P>>;

/// The channel behind the layer. Limits and timeouts belong to the channel, so that waiting for a
/// token holds none of them.
#[must_use]
pub fn client<S: Clone, P: Choice>(channel: S, layer: BearerLayer<CloneBody, P>) -> Client<S, P> {
    let construct: Construct = Body::new;
    StatusLayer::new().layer(layer.replay_with(construct).layer(channel))
}

/// Turns the errors of the [`BearerLayer`] below into statuses; see the
/// [crate's documentation](crate).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct StatusLayer;

impl StatusLayer {
    /// The layer; it has no settings.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for StatusLayer {
    type Service = StatusService<S>;

    fn layer(&self, inner: S) -> StatusService<S> {
        StatusService { inner }
    }
}

/// Made by [`StatusLayer`].
#[derive(Clone, Debug)]
pub struct StatusService<S> {
    inner: S,
}

impl<S> StatusService<S> {
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for StatusService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>>,
{
    type Response = Response<R>;
    type Error = Status;
    type Future = StatusFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx).map_err(|error| status_of(error.into()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        StatusFuture::new(self.inner.call(request))
    }
}
