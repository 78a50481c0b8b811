//! One submission over any tower HTTP client, and what is known when there is no answer.

use std::{
    future::poll_fn,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tokenflight_core::BoxFuture;
use tower_service::Service;

use super::{
    encoding,
    limits::{MAX_BODY, MAX_HEAD, TooLarge},
    proof::{self, Broken, Proof},
};
use crate::BoxError;

/// What the authorization server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, or why it did not arrive whole.
    pub(crate) body: Result<Bytes, BoxError>,
    /// The content codings that were undone.
    pub(crate) decoded: Option<String>,
}

/// A submission with its types forgotten.
pub(crate) trait Wire: Send + Sync {
    /// Sends `request` once. `sent` is called when the client takes it over.
    fn send<'a>(
        &'a self,
        request: Request<Full<Bytes>>,
        proof: Option<Proof>,
        sent: &'a (dyn Fn() + Send + Sync),
    ) -> BoxFuture<'a, Result<Reply, Broken>>;
}

/// An HTTP client for token endpoints: a `Clone` tower service over `http::Request<Full<Bytes>>`.
///
/// It must neither follow redirects nor retry, and it must not carry the session's own layer. Each
/// request is made by a fresh clone.
pub trait TokenClient:
    Service<Request<Full<Bytes>>, Response = Response<Self::Body>, Error: Into<BoxError>, Future: Send>
    + Clone
    + Send
    + 'static
{
    /// The response body.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send;
}

impl<S, B> TokenClient for S
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    type Body = B;
}

/// A client from which each request takes a clone.
pub(crate) struct Over<S>(Mutex<S>);

impl<S> Over<S> {
    pub(crate) const fn new(client: S) -> Self {
        Self(Mutex::new(client))
    }
}

impl<S: TokenClient> Wire for Over<S> {
    fn send<'a>(
        &'a self,
        request: Request<Full<Bytes>>,
        proof: Option<Proof>,
        sent: &'a (dyn Fn() + Send + Sync),
    ) -> BoxFuture<'a, Result<Reply, Broken>> {
        let mut client = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            // Not ready: the request never left our hands.
            poll_fn(|cx| client.poll_ready(cx)).await.map_err(|error| Broken::Unsent(error.into()))?;
            sent();
            let response = client.call(request).await.map_err(|error| proof::judge(error.into(), proof))?;
            Ok(receive(response).await)
        })
    }
}

async fn receive<B>(response: Response<B>) -> Reply
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    let (head, body) = response.into_parts();
    let size: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    // What the body announces is looked at before any of it is read.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let body = if size > MAX_HEAD {
        Err(TooLarge("headers").into())
    } else if announced > MAX_BODY {
        Err(TooLarge("body").into())
    } else {
        Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes)
    };
    let (body, decoded) = match body.and_then(|body| encoding::decode(&head.headers, body)) {
        Ok((body, decoded)) => (Ok(body), decoded),
        Err(error) => (Err(error), None),
    };
    Reply { status: head.status, headers: head.headers, body, decoded }
}
