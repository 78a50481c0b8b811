//! How a client says who it is.

#[cfg(feature = "assertion")]
mod assertion;

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use form_urlencoded::byte_serialize;
use http::{HeaderMap, HeaderValue, header};
use tokenflight_core::{GrantError, Secret};
use zeroize::Zeroizing;

#[cfg(feature = "assertion")]
pub use self::assertion::{Algorithm, AssertionError, AssertionKey};
use crate::endpoint::Form;

/// Client authentication at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2). One style, chosen beforehand: trying them out
/// would present the refresh token more than once.
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
}

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

    /// `private_key_jwt` or `client_secret_jwt`, by the kind of `key`: a fresh assertion for every submission.
    #[cfg(feature = "assertion")]
    #[must_use]
    pub fn assertion(id: impl Into<String>, key: AssertionKey) -> Self {
        Self::of(Style::Assertion { id: id.into(), key })
    }

    pub(crate) fn id(&self) -> Option<&str> {
        match &*self.0 {
            Style::None => None,
            Style::Public { id } | Style::Basic { id, .. } | Style::PlainBasic { id, .. } | Style::Post { id, .. } => {
                Some(id)
            }
            #[cfg(feature = "assertion")]
            Style::Assertion { id, .. } => Some(id),
        }
    }

    /// Puts the client's name and credentials where they belong.
    pub(crate) fn apply(
        &self,
        form: &mut Form,
        headers: &mut HeaderMap,
        #[cfg_attr(not(feature = "assertion"), allow(unused_variables))] audience: &str,
    ) -> Result<(), GrantError> {
        match &*self.0 {
            Style::None => {}
            Style::Public { id } => form.set("client_id", id),
            Style::Basic { id, secret } => {
                let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let secret = Zeroizing::new(encode(secret.expose()));
                headers.insert(header::AUTHORIZATION, basic(&encode(id), &secret)?);
            }
            Style::PlainBasic { id, secret } => {
                headers.insert(header::AUTHORIZATION, basic(id, secret.expose())?);
            }
            Style::Post { id, secret } => {
                form.set("client_id", id);
                form.set("client_secret", secret.expose());
            }
            #[cfg(feature = "assertion")]
            Style::Assertion { id, key } => {
                form.set("client_id", id);
                form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                form.set("client_assertion", &key.sign(id, audience).map_err(GrantError::config)?);
            }
        }
        Ok(())
    }
}

fn basic(id: &str, secret: &str) -> Result<HeaderValue, GrantError> {
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&text).map_err(GrantError::config)?;
    value.set_sensitive(true);
    Ok(value)
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
        };
        f.debug_struct("ClientAuth").field("style", &style).field("id", &self.id()).finish_non_exhaustive()
    }
}
