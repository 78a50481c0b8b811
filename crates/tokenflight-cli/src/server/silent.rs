//! A client that sends nothing, for questions that an endpoint answers by itself.

use std::{
    future::{Ready, ready},
    io,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use tower_service::Service;

#[derive(Clone, Copy, Debug)]
pub(super) struct Silent;

impl Service<Request<Full<Bytes>>> for Silent {
    type Response = Response<Empty<Bytes>>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
