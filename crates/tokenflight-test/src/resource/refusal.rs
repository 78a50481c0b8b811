use http::{HeaderValue, StatusCode};

/// What follows the head of a refusal over a socket. In process every body is short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalBody {
    /// A few bytes.
    #[default]
    Short,
    /// A few bytes, and then nothing, without an end.
    Stalls,
    /// More and more, without an end.
    Floods,
}

/// How a [`ResourceServer`](super::ResourceServer) says no.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub(super) status: StatusCode,
    pub(super) challenge: Challenge,
    pub(super) body: RefusalBody,
}

#[derive(Clone, Debug)]
pub(super) enum Challenge {
    /// By RFC 6750: an error code if there was a token, none if there was not.
    Standard,
    Fixed(HeaderValue),
    None,
}

impl Default for Refusal {
    fn default() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, challenge: Challenge::Standard, body: RefusalBody::Short }
    }
}

impl Refusal {
    /// By RFC 6750: 401, `Bearer error="invalid_token"` for a bad token, `Bearer` for none at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another status.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Another `WWW-Authenticate` header.
    #[must_use]
    pub fn challenge(mut self, value: HeaderValue) -> Self {
        self.challenge = Challenge::Fixed(value);
        self
    }

    /// No `WWW-Authenticate` header at all.
    #[must_use]
    pub fn no_challenge(mut self) -> Self {
        self.challenge = Challenge::None;
        self
    }

    /// Another body.
    #[must_use]
    pub const fn body(mut self, body: RefusalBody) -> Self {
        self.body = body;
        self
    }

    pub(super) fn header(&self, had_token: bool) -> Option<HeaderValue> {
        match &self.challenge {
            Challenge::Standard if had_token => Some(HeaderValue::from_static(r#"Bearer error="invalid_token""#)),
            Challenge::Standard => Some(HeaderValue::from_static("Bearer")),
            Challenge::Fixed(value) => Some(value.clone()),
            Challenge::None => None,
        }
    }
}
