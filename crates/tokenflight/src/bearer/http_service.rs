use std::future::Future;

use http::{Request, Response};
use http_body::Body;
use tokenflight_core::BoxError;
use tower_service::Service;

/// An HTTP client the layer can wrap: implemented for every fitting `tower` service.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a client the layer can send an `http::Request<{B}>` through",
    label = "no `tower` service of such requests that can be sent to other threads",
    note = "if the client wants another body, send that, or have it made: `BearerLayer::new(session, origins).replay_with(…)`, \
            with a constructor of the client's body type, as `UnsyncBoxBody::new`",
    note = "if the client has requests of its own, adapt it: for reqwest write `tokenflight_reqwest::client(client, layer)`, for \
            others `tower::ServiceExt::map_request`"
)]
pub trait HttpService<B>:
    Service<Request<B>, Response = Response<Self::ResponseBody>, Error: Into<BoxError>, Future = Self::Sending>
    + Send
    + 'static
{
    /// The body of its responses.
    type ResponseBody: Body<Data: Send, Error: Send> + Send + 'static;

    /// The future of a response.
    type Sending: Future<Output = Result<Self::Response, Self::Error>> + Send + 'static;
}

#[diagnostic::do_not_recommend]
impl<S, B, R> HttpService<B> for S
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>, Future: Send + 'static> + Send + 'static,
    R: Body<Data: Send, Error: Send> + Send + 'static,
{
    type ResponseBody = R;
    type Sending = S::Future;
}

/// A service that a [`Bearer`](super::Bearer) can send by: one that can be cloned, since a request
/// that waits and a request that is sent again are sent by clones. Implemented for every `Clone`.
// Asked for where a request is sent, and not by the layer: a whole `ServiceBuilder` whose layer
// does not fit has no method `service`, says the compiler, and no more.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cloned, and the layer sends a request that has waited, or is sent again, by a clone",
    label = "not `Clone`",
    note = "put a handle that can be cloned around it, below the layer: `ServiceBuilder::new().layer(bearer).buffer(64)`, and then \
            the rate limit or the connection"
)]
pub trait CloneService: Clone {}

#[diagnostic::do_not_recommend]
impl<S: Clone> CloneService for S {}
