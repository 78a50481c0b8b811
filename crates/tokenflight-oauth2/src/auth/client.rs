use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use form_urlencoded::byte_serialize;
use tokenflight_core::{GrantError, Secret, Time};
use zeroize::Zeroizing;

#[cfg(feature = "assertion")]
use super::{AssertionKey, wanted::SOURCE_LIMIT};
use super::{Assertions, Authenticate, Source, TokenParts};
use crate::limit;

/// Client authentication at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2). One style, chosen
/// beforehand: trying them out would present the refresh token more than once.
///
/// mTLS (RFC 8705) is the connector's business; the body then carries [`public`](Self::public).
#[derive(Clone)]
pub struct ClientAuth(Arc<Style>);

enum Style {
    None,
    Public {
        id: String,
    },
    Basic {
        id: String,
        secret: Secret,
    },
    /// Basic with the plain bytes, for servers that do not decode.
    PlainBasic {
        id: String,
        secret: Secret,
    },
    Post {
        id: String,
        secret: Secret,
    },
    #[cfg(feature = "assertion")]
    Assertion {
        id: String,
        key: AssertionKey,
    },
    Federated {
        id: String,
        source: Source,
    },
    Custom(Box<dyn Authenticate>),
}

/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl ClientAuth {
    fn of(style: Style) -> Self {
        Self(Arc::new(style))
    }

    /// Not at all.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Style::None)
    }

    /// A public client: its name in the body.
    #[must_use]
    pub fn public(id: impl Into<String>) -> Self {
        Self::of(Style::Public { id: id.into() })
    }

    /// `client_secret_basic`: name and secret form-encoded, then as HTTP Basic (RFC 6749 §2.3.1).
    #[must_use]
    pub fn basic(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::of(Style::Basic { id: id.into(), secret: Secret::new(secret) })
    }

    /// HTTP Basic without form-encoding first, for servers that do not decode.
    #[must_use]
    pub fn plain_basic(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::of(Style::PlainBasic { id: id.into(), secret: Secret::new(secret) })
    }

    /// `client_secret_post`: both in the body.
    #[must_use]
    pub fn post(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::of(Style::Post { id: id.into(), secret: Secret::new(secret) })
    }

    /// `private_key_jwt` or `client_secret_jwt`, by the kind of `key`: a fresh assertion each time.
    #[cfg(feature = "assertion")]
    #[must_use]
    pub fn assertion(id: impl Into<String>, key: AssertionKey) -> Self {
        Self::of(Style::Assertion { id: id.into(), key })
    }

    /// An assertion from the platform or another server, instead of a secret (RFC 7521 §4.2).
    #[must_use]
    pub fn federated(id: impl Into<String>, source: impl Assertions) -> Self {
        Self::of(Style::Federated { id: id.into(), source: Source::new(source) })
    }

    /// In any other way.
    #[must_use]
    pub fn custom(authenticate: impl Authenticate) -> Self {
        Self::of(Style::Custom(Box::new(authenticate)))
    }

    pub(crate) fn id(&self) -> Option<&str> {
        match &*self.0 {
            Style::None => None,
            Style::Public { id }
            | Style::Basic { id, .. }
            | Style::PlainBasic { id, .. }
            | Style::Post { id, .. }
            | Style::Federated { id, .. } => Some(id),
            #[cfg(feature = "assertion")]
            Style::Assertion { id, .. } => Some(id),
            Style::Custom(other) => other.client_id(),
        }
    }

    /// Puts the client's name and credentials where they belong.
    pub(crate) async fn apply(&self, parts: &mut TokenParts<'_>, clock: Option<&dyn Time>) -> Result<(), GrantError> {
        match &*self.0 {
            Style::None => {}
            Style::Public { id } => parts.set("client_id", id),
            Style::Basic { id, secret } => {
                let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let secret = Zeroizing::new(encode(secret.expose()));
                basic(parts, &encode(id), &secret)?;
            }
            Style::PlainBasic { id, secret } => basic(parts, id, secret.expose())?,
            Style::Post { id, secret } => {
                parts.set("client_id", id);
                parts.set("client_secret", secret.expose());
            }
            #[cfg(feature = "assertion")]
            Style::Assertion { id, key } => {
                let audience = parts.wanted().audience;
                let assertion = in_time(SOURCE_LIMIT, clock, key.sign(id, audience)).await?;
                assert_by(parts, id, JWT_BEARER, &assertion);
            }
            Style::Federated { id, source } => {
                let wanted = parts.wanted();
                let assertion = source.next(&wanted, clock).await?;
                assert_by(parts, id, assertion.kind_or(JWT_BEARER), assertion.expose());
            }
            Style::Custom(other) => in_time(other.limit(), clock, other.apply(parts)).await?,
        }
        Ok(())
    }
}

/// What takes longer keeps the rest of the attempt from its time. Nothing was sent.
async fn in_time<T>(
    limit: Duration,
    clock: Option<&dyn Time>,
    work: impl Future<Output = Result<T, GrantError>>,
) -> Result<T, GrantError> {
    let late = || Err(GrantError::not_sent("the client's credentials did not come in time"));
    limit::within(limit, clock, work).await.unwrap_or_else(late)
}

fn assert_by(parts: &mut TokenParts<'_>, id: &str, kind: &str, assertion: &str) {
    parts.set("client_id", id);
    parts.set("client_assertion_type", kind);
    parts.set("client_assertion", assertion);
}

fn basic(parts: &mut TokenParts<'_>, id: &str, secret: &str) -> Result<(), GrantError> {
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    parts.header("authorization", &text).map_err(GrantError::config)
}

impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = match &*self.0 {
            Style::None => "none",
            Style::Public { .. } => "public",
            Style::Basic { .. } => "client_secret_basic",
            Style::PlainBasic { .. } => "client_secret_basic, plain",
            Style::Post { .. } => "client_secret_post",
            #[cfg(feature = "assertion")]
            Style::Assertion { .. } => "assertion",
            Style::Federated { .. } => "federated",
            Style::Custom(_) => "custom",
        };
        f.debug_struct("ClientAuth").field("style", &style).field("id", &self.id()).finish_non_exhaustive()
    }
}
