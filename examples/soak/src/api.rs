use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokenflight::{Bearer, BearerLayer, BoxError, Origins, Session};
use tower::Layer;

use tokenflight_examples::clock::Clock;

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
    clock: Clock,
}

impl Api {
    pub(super) fn new(uri: Uri, session: Session, clock: Clock) -> Result<Self, BoxError> {
        let origins = origins(&uri)?;
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        let plain = Client::builder(TokioExecutor::new()).build(connector);
        let bearer = BearerLayer::new(session, origins).layer(plain.clone());
        Ok(Self { plain, bearer, uri, clock })
    }

    /// Asks as the session's callers do.
    pub(super) async fn ask(&self) -> Result<StatusCode, BoxError> {
        let request = self.request();
        self.within(async { read(self.bearer.clone().oneshot(request).await?).await }).await
    }

    /// Asks with exactly this token: no renewal, no replay.
    pub(super) async fn ask_with(&self, token: &HeaderValue) -> Result<StatusCode, BoxError> {
        let mut request = self.request();
        request.headers_mut().insert(header::AUTHORIZATION, token.clone());
        self.within(async { read(self.plain.request(request).await?).await }).await
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("tokenflight-soak"));
        request
    }

    async fn within(&self, asking: impl Future<Output = Result<StatusCode, BoxError>>) -> Result<StatusCode, BoxError> {
        tokio::select! {
            result = asking => result,
            () = self.clock.sleep(PATIENCE) => Err(NoAnswer.into()),
        }
    }
}

/// Where the tokens may go.
///
/// # Errors
///
/// If that is no place for them.
pub(super) fn origins(resource: &Uri) -> Result<Origins, String> {
    let (Some(scheme), Some(authority)) = (resource.scheme_str(), resource.authority()) else {
        return Err("--resource must be an absolute URL".to_owned());
    };
    let origin = format!("{scheme}://{authority}");
    Origins::with_plain_loopback([origin.as_str()]).map_err(|error| format!("--resource: {error}"))
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

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer within {} s", PATIENCE.as_secs())
    }
}

impl std::error::Error for NoAnswer {}

/// What went wrong, in words that hold no secret: of a foreign error not even its text, which may quote a header or an
/// address.
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
pub(super) fn code(code: &str) -> &str {
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
