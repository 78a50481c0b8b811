use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Full;
use tokenflight_core::{BoxFuture, Secret, Time};

use crate::{
    BoxError, TokenClient,
    address::secure,
    auth::{Assertion, Assertions, SourceError, Wanted},
    wire::{Over, Wire},
};

/// An assertion behind a URL, as GitHub Actions hands it to a job. It is asked for again when half of its life is over, or
/// when the server has refused it. Redirects are not followed.
pub struct UrlSource {
    wire: Arc<dyn Wire>,
    uri: Uri,
    bearer: Option<Secret>,
    member: String,
    time: Arc<dyn Time>,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    assertion: Assertion,
    until: Duration,
}

impl UrlSource {
    /// A URL that answers `GET` with a JSON object, and the member of it that holds the assertion.
    ///
    /// # Errors
    ///
    /// [`SourceError::Setup`] unless the URL is `https`, or `http` on loopback.
    pub fn new(
        url: &str,
        member: impl Into<String>,
        client: impl TokenClient,
        time: Arc<dyn Time>,
    ) -> Result<Self, SourceError> {
        let uri = secure(url).map_err(|error| SourceError::Setup(error.into()))?;
        let wire = Arc::new(Over::new(client));
        Ok(Self { wire, uri, bearer: None, member: member.into(), time, kept: Mutex::new(None) })
    }

    /// Sends this bearer token along.
    #[must_use]
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.bearer = Some(Secret::new(token));
        self
    }

    /// The identity of a job of GitHub Actions for this audience, by `ACTIONS_ID_TOKEN_REQUEST_URL` and
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    ///
    /// # Errors
    ///
    /// [`SourceError::Setup`] if the job lacks the permission `id-token: write`.
    pub fn github(audience: &str, client: impl TokenClient, time: Arc<dyn Time>) -> Result<Self, SourceError> {
        let var = |name| {
            std::env::var(name).map_err(|_| {
                SourceError::Setup(format!("{name} is not set: the job needs the permission `id-token: write`").into())
            })
        };
        let (url, token) = (var("ACTIONS_ID_TOKEN_REQUEST_URL")?, var("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
        let audience: String = byte_serialize(audience.as_bytes()).collect();
        let separator = if url.contains('?') { '&' } else { '?' };
        Ok(Self::new(&format!("{url}{separator}audience={audience}"), "value", client, time)?.bearer(token))
    }

    fn kept(&self, now: Duration, refused: bool) -> Option<Assertion> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| !refused && now < kept.until).map(|kept| kept.assertion.clone())
    }

    async fn fetch(&self) -> Result<Assertion, SourceError> {
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(token) = &self.bearer {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|error| SourceError::Setup(error.into()))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let reply = self.wire.send(request, None, &|| {}).await;
        let reply = reply.map_err(|broken| SourceError::Unavailable(broken.into_source()))?;
        let told = || -> BoxError { format!("the source of assertions answered {}", reply.status.as_u16()).into() };
        match reply.status {
            StatusCode::OK => {}
            // The token that is sent along ends with the job.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(SourceError::Setup(told())),
            _ => return Err(SourceError::Unavailable(told())),
        }
        let body = reply.body.map_err(SourceError::Unavailable)?;
        let value: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let token =
            value.as_ref().and_then(|value| value.get(&self.member)?.as_str()).filter(|token| !token.is_empty());
        token.map(Assertion::new).ok_or_else(|| SourceError::Unavailable("the answer holds no assertion".into()))
    }

    async fn next(&self, refused: bool) -> Result<Assertion, SourceError> {
        let now = self.time.now().wall;
        if let Some(kept) = self.kept(now, refused) {
            return Ok(kept);
        }
        let assertion = self.fetch().await?;
        if !assertion.lives_at(now) {
            return Err(SourceError::Expired);
        }
        // What does not say how long it lives is not kept.
        let life = assertion.expires_at().map_or(Duration::ZERO, |end| end.saturating_sub(now));
        let kept = Kept { assertion: assertion.clone(), until: now.saturating_add(life / 2) };
        let old = self.kept.lock().unwrap_or_else(PoisonError::into_inner).replace(kept);
        drop(old);
        Ok(assertion)
    }
}

impl Assertions for UrlSource {
    fn next<'a>(&'a self, wanted: &'a Wanted<'_>) -> BoxFuture<'a, Result<Assertion, SourceError>> {
        Box::pin(self.next(wanted.refused))
    }
}

impl fmt::Debug for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlSource").field("host", &self.uri.host()).finish_non_exhaustive()
    }
}
