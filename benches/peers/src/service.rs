//! The service below all `tower` layers, and the peer that a stack of them is.

use std::{
    future::{Ready, ready},
    hint::black_box,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use tower::{BoxError, Service};

use crate::{Built, Fixture, Peer, Recipe, fixture::at_once};

pub(crate) type Req = Request<Full<Bytes>>;

/// Answers at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nothing;

impl Service<Req> for Nothing {
    type Response = Response<Empty<Bytes>>;
    // Some layers insist on it.
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        drop(black_box(request));
        ready(Ok(Response::new(Empty::new())))
    }
}

/// A stack of layers, and what must be kept beside it.
struct Stack<S, K> {
    service: S,
    _kept: K,
}

impl<S, K> Peer for Stack<S, K>
where
    S: Service<Req>,
{
    fn call(&mut self, recipe: &Recipe) -> bool {
        let ready = self.service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
        ready && matches!(at_once(self.service.call(recipe.request())), Some(Ok(_)))
    }
}

pub(crate) fn stack<S: Service<Req> + 'static>(service: S) -> Built {
    stack_with(service, ())
}

pub(crate) fn stack_with<S: Service<Req> + 'static, K: 'static>(service: S, kept: K) -> Built {
    Ok(Box::new(Stack { service, _kept: kept }))
}

/// The service alone.
pub(crate) fn nothing(_: &Fixture) -> Built {
    stack(Nothing)
}

/// A peer that reads its token.
pub(crate) struct Read<F>(F);

impl<F: FnMut() -> bool> Peer for Read<F> {
    fn call(&mut self, _: &Recipe) -> bool {
        (self.0)()
    }
}

pub(crate) fn read<F: FnMut() -> bool + 'static>(read: F) -> Built {
    Ok(Box::new(Read(read)))
}

/// Not even a request.
pub(crate) fn empty(_: &Fixture) -> Built {
    read(|| black_box(true))
}
