//! One exchange with an endpoint of the server.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use tokenflight_core::{FailureClass, GrantError, Secret};

use super::TokenEndpoint;
use crate::{
    answer::{self, Answer, Verdict},
    auth::{TokenParts, Wanted},
    limit,
    wire::{Broken, Form, Reply},
};

const AGENT: &str = concat!("tokenflight/", env!("CARGO_PKG_VERSION"));

/// A reply, and the secrets of the request that it must not be believed to keep.
pub(crate) struct Heard {
    pub(crate) reply: Reply,
    secrets: Vec<Secret>,
}

impl Heard {
    pub(crate) fn answer(&self) -> Answer<'_> {
        let Reply { status, headers, body, .. } = &self.reply;
        Answer::new(*status, headers, body).hiding(&self.secrets)
    }
}

/// Why a token request brought no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Before it was sent.
    Local(GrantError),
    Broken(Broken),
}

impl From<Failed> for GrantError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Local(error) => error,
            Failed::Broken(broken) => broken.into(),
        }
    }
}

impl TokenEndpoint {
    /// Sends a form to an endpoint of this server. `sent` is called when the first byte may leave.
    pub(crate) async fn ask(
        &self,
        uri: &Uri,
        form: &Form,
        sent: &(dyn Fn() + Send + Sync),
    ) -> Result<Heard, Box<Failed>> {
        let (mut reply, mut secrets) = self.post(uri, form, sent).await.map_err(Failed::Local)?;
        if matches!(reply, Err(Broken::GivenBack(_))) {
            // The server gave it back, so this is still the first submission that it may process.
            (reply, secrets) = self.post(uri, form, sent).await.map_err(Failed::Local)?;
        }
        match reply {
            Ok(reply) => Ok(Heard { reply, secrets }),
            Err(broken) => Err(Box::new(Failed::Broken(broken))),
        }
    }

    /// The same within the endpoint's own limit, for what no session bounds.
    pub(crate) async fn ask_within(&self, uri: &Uri, form: &Form) -> Result<Heard, GrantError> {
        let sent = AtomicBool::new(false);
        let mark = || sent.store(true, Ordering::Relaxed);
        match limit::within(self.limit, self.time.as_deref(), self.ask(uri, form, &mark)).await {
            Some(heard) => heard.map_err(|failed| (*failed).into()),
            None => {
                let sent = sent.load(Ordering::Relaxed);
                let class = if sent { FailureClass::Ambiguous } else { FailureClass::NotSent };
                Err(GrantError::new(class).source("no answer within the time limit"))
            }
        }
    }

    /// What a reply to a token request means.
    pub(crate) fn judge(&self, heard: &Heard) -> Verdict {
        let verdict = answer::judge(&heard.answer(), self.provider);
        let Verdict::Failed(error) = verdict else {
            self.refused.store(false, Ordering::Relaxed);
            return verdict;
        };
        // A row may tell it by a code of the server's own.
        let refused = answer::says(&heard.answer(), self.provider, "invalid_client");
        self.refused.store(refused, Ordering::Relaxed);
        Verdict::Failed(if refused { DatesRefused::explain(error) } else { error })
    }

    async fn post(
        &self,
        uri: &Uri,
        form: &Form,
        sent: &(dyn Fn() + Send + Sync),
    ) -> Result<(Result<Reply, Broken>, Vec<Secret>), GrantError> {
        let mut headers = self.headers.clone();
        let mut form = form.clone();
        let (audience, endpoint) = (self.assertion_audience(), uri.to_string());
        let mut parts = TokenParts::new(&mut form, &mut headers, self.wanted(&audience, &endpoint));
        self.auth.apply(&mut parts, self.time.as_deref()).await?;
        let secrets = form.secrets().chain(headers.values().flat_map(credentials)).collect();
        let (content_type, body) = form.encode(self.provider.body);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        // Nothing that grows when it is decoded.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        let mut request = Request::new(Full::new(Bytes::from_owner(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        Ok((self.wire.send(request, self.proof, sent).await, secrets))
    }

    pub(crate) fn wanted<'a>(&self, audience: &'a str, endpoint: &'a str) -> Wanted<'a> {
        let now = self.time.as_ref().map(|time| time.now().wall);
        Wanted { now, ..Wanted::new(audience, endpoint).refused(self.refused.load(Ordering::Relaxed)) }
    }

    /// What a source is asked for that makes the grant's own assertion.
    pub(crate) fn own_audience(&self) -> (String, String) {
        (self.assertion_audience(), self.uri.to_string())
    }
}

/// What a header holds that must not be told: its value, and the halves of HTTP Basic.
fn credentials(value: &HeaderValue) -> Vec<Secret> {
    if !value.is_sensitive() {
        return Vec::new();
    }
    let Ok(text) = value.to_str() else { return Vec::new() };
    let credential = text.split_once(' ').map_or(text, |(_, credential)| credential);
    let pair = STANDARD.decode(credential).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let secret = pair.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, secret)| secret);
    [Some(credential), secret].into_iter().flatten().map(Secret::new).collect()
}

/// Says of a refusal that it is about dates, so that the reader looks at a clock and not at a key.
#[derive(Debug)]
pub(crate) struct DatesRefused;

impl DatesRefused {
    pub(crate) fn explain(error: GrantError) -> GrantError {
        const WORDS: &[&str] =
            &["iat", "nbf", "exp", "expired", "expiry", "clock", "timeframe", "timestamp", "future", "skew"];
        let told = error.to_string().to_ascii_lowercase();
        let mut words = told.split(|char: char| !char.is_ascii_alphanumeric());
        if words.any(|word| WORDS.contains(&word)) { error.source(Self) } else { error }
    }
}

impl fmt::Display for DatesRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the server refused the dates of our assertion or credential: \
             compare the clock of this machine with the server's, or renew what has expired",
        )
    }
}

impl std::error::Error for DatesRefused {}
