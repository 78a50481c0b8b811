//! Every client's two calls, over one hyper-util client: ask the API, and present a refresh token.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use tokenflight::BoxError;

use super::trace::{Recorder, RefreshEnding};

/// The HTTP client: pooled connections, HTTP/1.1.
pub(crate) type Http = legacy::Client<HttpConnector, Full<Bytes>>;

/// The header in which a token request says which process presents.
pub(crate) const PRESENTER: &str = "x-race-process";

/// The longest answer that is read.
const LIMIT: usize = 64 * 1024;

/// What the token endpoint answers to a good refresh token.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    /// The new access token.
    pub(crate) access_token: String,
    /// The new refresh token, if the server rotates.
    pub(crate) refresh_token: Option<String>,
    /// How long the access token lives, in seconds.
    pub(crate) expires_in: f64,
}

/// Why there is no new token.
#[derive(Debug)]
pub(crate) enum RefreshError {
    /// No connection: the server never heard of it.
    NotSent(BoxError),
    /// `invalid_grant`: the session is over.
    Ended,
    /// Anything else: perhaps the server has rotated, perhaps not.
    Unknown(BoxError),
}

/// One client's connections to both servers.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    http: Http,
    api: Uri,
    token: Uri,
    recorder: Recorder,
    presenter: Option<HeaderValue>,
}

impl Wire {
    /// Another client with connections of its own.
    pub(crate) fn new(api: Uri, token: Uri, recorder: Recorder) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            api,
            token,
            recorder,
            presenter: None,
        }
    }

    /// Tells the token endpoint which process presents.
    pub(crate) fn presented_by(mut self, pid: u32) -> Self {
        self.presenter = Some(pid.into());
        self
    }

    /// The HTTP client.
    pub(crate) const fn http(&self) -> &Http {
        &self.http
    }

    /// Where the API is.
    pub(crate) const fn api(&self) -> &Uri {
        &self.api
    }

    /// Asks the API with this access token.
    pub(crate) async fn get(&self, access_token: &str) -> Result<StatusCode, BoxError> {
        let request = Request::get(self.api.clone())
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
            .body(Full::default())?;
        read(self.http.request(request).await?).await
    }

    /// Presents a refresh token.
    ///
    /// [`RefreshError`] says what is known about the refresh token.
    ///
    /// # Cancel safety
    ///
    /// None: dropped after the rotation, the new refresh token is lost. This race is about that.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<TokenAnswer, RefreshError> {
        let attempt = self.recorder.attempt();
        let result = self.present(refresh_token).await;
        attempt.ended(match &result {
            Ok(_) => RefreshEnding::Renewed,
            Err(RefreshError::Ended) => RefreshEnding::Refused,
            Err(_) => RefreshEnding::Failed,
        });
        result
    }

    async fn present(&self, refresh_token: &str) -> Result<TokenAnswer, RefreshError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", refresh_token)
            .finish();
        let mut request = Request::post(self.token.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(form))
            .map_err(|error| RefreshError::NotSent(error.into()))?;
        if let Some(presenter) = &self.presenter {
            request.headers_mut().insert(PRESENTER, presenter.clone());
        }
        let response = self.http.request(request).await.map_err(|error| {
            if error.is_connect() { RefreshError::NotSent(error.into()) } else { RefreshError::Unknown(error.into()) }
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LIMIT).collect().await.map_err(RefreshError::Unknown)?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| RefreshError::Unknown(error.into()));
        }
        Err(refused(status, &body))
    }
}

fn refused(status: StatusCode, body: &[u8]) -> RefreshError {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }

    match serde_json::from_slice(body) {
        Ok(Refusal { error }) if error == "invalid_grant" => RefreshError::Ended,
        _ => RefreshError::Unknown(format!("the token endpoint answered {status}").into()),
    }
}

/// Reads an answer to its end, so that the connection can be used again.
pub(crate) async fn read<B>(response: Response<B>) -> Result<StatusCode, BoxError>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let status = response.status();
    Limited::new(response.into_body(), LIMIT).collect().await?;
    Ok(status)
}
