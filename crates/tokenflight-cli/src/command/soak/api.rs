//! The way to the resource.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokenflight::{Bearer, BearerLayer, BoxError, Origins, Session};
use tower_layer::Layer;

use crate::{clock, problem::Problem};

/// The HTTP client for the resource: pooled connections, HTTP/1.1.
type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// How long an answer may take. A worker that waits longer counts as failed, not as cancelled.
const PATIENCE: Duration = Duration::from_secs(30);

/// The resource, with a session's tokens and without.
#[derive(Clone)]
pub(super) struct Api {
    plain: Http,
    bearer: Bearer<Http>,
    uri: Uri,
}

impl Api {
    pub(super) fn new(uri: Uri, session: Session) -> Result<Self, Problem> {
        let connector =
            HttpsConnectorBuilder::new().with_provider_and_native_roots(rustls::crypto::ring::default_provider());
        let connector = connector.map_err(|error| Problem::refused(format!("the system's certificates: {error}")))?;
        let plain = Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
        let bearer = BearerLayer::new(session, origins(&uri)?).layer(plain.clone());
        Ok(Self { plain, bearer, uri })
    }

    /// Asks as the session's callers do.
    pub(super) async fn ask(&self) -> Result<StatusCode, BoxError> {
        within(async { read(self.bearer.clone().oneshot(self.request()).await?).await }).await
    }

    /// Asks with exactly this token: no renewal, no replay.
    pub(super) async fn ask_with(&self, token: &HeaderValue) -> Result<StatusCode, BoxError> {
        let mut request = self.request();
        request.headers_mut().insert(header::AUTHORIZATION, token.clone());
        within(async { read(self.plain.request(request).await?).await }).await
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("tokenflight-soak"));
        request
    }
}

async fn within(asking: impl Future<Output = Result<StatusCode, BoxError>>) -> Result<StatusCode, BoxError> {
    tokio::select! {
        result = asking => result,
        () = clock::sleep(PATIENCE) => Err(NoAnswer.into()),
    }
}

/// An address that tokens may go to, without a user name, which would be a secret to keep.
pub(super) fn resource(url: &str) -> Result<Uri, Problem> {
    let uri: Uri = url.parse().map_err(|_| Problem::usage("--url is no address"))?;
    match uri.authority() {
        Some(authority) if uri.scheme().is_some() && !authority.as_str().contains('@') => origins(&uri).map(|_| uri),
        _ => Err(Problem::usage("--url must be an absolute address without a user name")),
    }
}

/// Where the tokens may go.
fn origins(resource: &Uri) -> Result<Origins, Problem> {
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let (scheme, authority) = (part(resource.scheme_str()), part(resource.authority().map(|at| at.as_str())));
    let origins = Origins::with_plain_loopback([format!("{scheme}://{authority}")]);
    origins.map_err(|error| Problem::usage(format!("--url: {error}")))
}

/// Reads an answer to its end, so that the connection can be used again, and keeps none of it.
async fn read<B>(response: Response<B>) -> Result<StatusCode, BoxError>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let (head, mut body) = response.into_parts();
    while let Some(frame) = body.frame().await {
        frame.map_err(Into::into)?;
    }
    Ok(head.status)
}

#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {} s", PATIENCE.as_secs())
    }
}

impl std::error::Error for NoAnswer {}

/// What went wrong, in words that hold no secret: of a foreign error not even its text, which may
/// quote a header or an address.
pub(super) fn words(error: &BoxError) -> String {
    if error.is::<NoAnswer>() {
        return error.to_string();
    }
    match error.downcast_ref::<tokenflight::Error>() {
        Some(error) => kind(error),
        None => "no answer: the connection failed".to_owned(),
    }
}

/// A session's error without what the server said about it.
pub(super) fn kind(error: &tokenflight::Error) -> String {
    match error.kind() {
        tokenflight::ErrorKind::Ended(reason) => {
            format!("the authorization server ended the session: {}", code(reason.code()))
        }
        _ => error.to_string(),
    }
}

/// An error code if it looks like one. A server can write anything there.
fn code(code: &str) -> &str {
    let plain = code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { code } else { "with a code of its own" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_instead_of_a_code_is_not_repeated() {
        assert_eq!(code("invalid_grant"), "invalid_grant");
        assert_eq!(code("rt-7Hq0pXz is spent"), "with a code of its own");
    }
}
