use std::task::{Context, Poll};

use http::{Request, Response};
use reqwest::Body;
use tokenflight::{
    Bearer, BearerLayer, Session,
    bearer::{Choice, CloneBody, Recorded, ReplayBody},
};
use tower_layer::Layer;
use tower_service::Service;

use crate::ResponseFuture;

/// Makes the body that reqwest wants.
pub type Construct = fn(ReplayBody<Body>) -> Body;

/// reqwest's client, whose requests carry a session's token.
pub type Client<P = Session> = Bearer<HttpClient, Recorded<Construct>, P>;

/// reqwest's client behind the layer.
#[must_use]
pub fn client<P: Choice>(client: reqwest::Client, layer: BearerLayer<CloneBody, P>) -> Client<P> {
    let construct: Construct = body;
    layer.replay_with(construct).layer(HttpClient::from(client))
}

/// What is whole in memory stays so: reqwest follows a 307 and tries again what a server has not
/// processed only with such bodies.
fn body(body: ReplayBody<Body>) -> Body {
    match body.into_whole() {
        Ok(whole) => whole.into(),
        Err(body) => Body::wrap(body),
    }
}

/// reqwest's client as a service of `http` requests.
///
/// # Errors
///
/// The service's are reqwest's; also if the URI of a request is not absolute.
#[derive(Clone, Debug, Default)]
pub struct HttpClient(reqwest::Client);

impl From<reqwest::Client> for HttpClient {
    fn from(client: reqwest::Client) -> Self {
        Self(client)
    }
}

impl Service<Request<Body>> for HttpClient {
    type Response = Response<Body>;
    type Error = reqwest::Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        ResponseFuture::new(request.try_into().map(|request| self.0.call(request)))
    }
}
