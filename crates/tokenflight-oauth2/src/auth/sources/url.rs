use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Full;
use tokenflight_core::{BoxFuture, Time};

use super::text::find;
use crate::{
    BoxError, TokenClient,
    address::metadata,
    auth::{Assertion, Assertions, SourceError, Wanted},
    wire::{Over, Wire},
};

/// An assertion behind a URL, as GitHub Actions hands it to a job. It is asked for again when half
/// of its life is over, or when the server has refused it. Redirects are not followed.
pub struct UrlSource {
    wire: Arc<dyn Wire>,
    uri: Uri,
    headers: HeaderMap,
    member: Option<String>,
    time: Arc<dyn Time>,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    assertion: Assertion,
    until: Duration,
}

impl UrlSource {
    /// A URL that answers `GET` with the assertion and nothing else.
    ///
    /// # Errors
    ///
    /// [`SourceError::Setup`] unless the URL is `https`, or `http` on loopback or at a link-local
    /// address, where clouds have their metadata servers.
    pub fn new(url: &str, client: impl TokenClient, time: Arc<dyn Time>) -> Result<Self, SourceError> {
        let uri = metadata(url).map_err(|error| SourceError::Setup(error.into()))?;
        let wire = Arc::new(Over::new(client));
        Ok(Self { wire, uri, headers: HeaderMap::new(), member: None, time, kept: Mutex::new(None) })
    }

    /// The answer is a JSON object, and the assertion one of its members.
    #[must_use]
    pub fn json(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Sends this bearer token along.
    ///
    /// # Errors
    ///
    /// [`SourceError::Setup`] if it cannot stand in a header.
    pub fn bearer(self, token: &str) -> Result<Self, SourceError> {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends a header along, such as `Metadata: True`. It counts as a secret.
    ///
    /// # Errors
    ///
    /// [`SourceError::Setup`] if the name or the value cannot be sent.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, SourceError> {
        let name = name.parse::<HeaderName>().map_err(|error| SourceError::Setup(error.into()))?;
        let mut value = HeaderValue::from_str(value).map_err(|error| SourceError::Setup(error.into()))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// The identity of a job of GitHub Actions for this audience, by `ACTIONS_ID_TOKEN_REQUEST_URL`
    /// and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    ///
    /// # Errors
    ///
    /// [`SourceError::Setup`] if the job lacks the permission `id-token: write`.
    pub fn github(audience: &str, client: impl TokenClient, time: Arc<dyn Time>) -> Result<Self, SourceError> {
        Self::github_with(|name| std::env::var(name).ok(), audience, client, time)
    }

    /// As [`github`](Self::github), with the variables from elsewhere.
    ///
    /// # Errors
    ///
    /// As [`github`](Self::github).
    pub fn github_with(
        variable: impl Fn(&str) -> Option<String>,
        audience: &str,
        client: impl TokenClient,
        time: Arc<dyn Time>,
    ) -> Result<Self, SourceError> {
        let needed = |name: &str| {
            let missing = || format!("{name} is not set: the job needs the permission `id-token: write`").into();
            variable(name).ok_or_else(|| SourceError::Setup(missing()))
        };
        let (url, token) = (needed("ACTIONS_ID_TOKEN_REQUEST_URL")?, needed("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
        let audience: String = byte_serialize(audience.as_bytes()).collect();
        let separator = if url.contains('?') { '&' } else { '?' };
        Self::new(&format!("{url}{separator}audience={audience}"), client, time)?.json("value").bearer(&token)
    }

    fn kept(&self, now: Duration, refused: bool) -> Option<Assertion> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| !refused && now < kept.until).map(|kept| kept.assertion.clone())
    }

    async fn fetch(&self) -> Result<Assertion, SourceError> {
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        let kind = if self.member.is_some() { "application/json" } else { "*/*" };
        headers.insert(header::ACCEPT, HeaderValue::from_static(kind));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let reply = self.wire.send(request, None, &|| {}).await;
        let reply = reply.map_err(|broken| SourceError::Unavailable(broken.into_source()))?;
        let told = || -> BoxError { format!("the source of assertions answered {}", reply.status.as_u16()).into() };
        match reply.status {
            StatusCode::OK => {}
            // The token that is sent along ends some hours after the job has begun.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let told = format!("{}: what is sent along is not, or no longer, accepted", told());
                return Err(SourceError::Setup(told.into()));
            }
            _ => return Err(SourceError::Unavailable(told())),
        }
        let body = reply.body.map_err(SourceError::Unavailable)?;
        let none = || SourceError::Unavailable("the answer holds no assertion".into());
        find(&body, self.member.as_deref()).map(|token| Assertion::new(token.as_str())).ok_or_else(none)
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
