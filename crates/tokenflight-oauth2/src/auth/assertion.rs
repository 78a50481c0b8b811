//! Signed assertions (RFC 7523).

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub use jsonwebtoken::Algorithm;
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use tokenflight_core::Time;

/// What signs a client's assertions, and the clock that dates them. Cloning shares it.
///
/// ```
/// use std::sync::Arc;
/// use tokenflight_oauth2::{AssertionKey, ClientAuth};
///
/// # fn example(time: Arc<dyn tokenflight_core::Time>, pem: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let key = AssertionKey::from_pem(tokenflight_oauth2::Algorithm::RS256, pem.as_bytes(), time)?.key_id("2026-11");
/// let auth = ClientAuth::assertion("client-id", key);
/// # let _ = auth;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AssertionKey {
    key: EncodingKey,
    algorithm: Algorithm,
    key_id: Option<String>,
    audience: Option<String>,
    lifetime: Duration,
    time: Arc<dyn Time>,
}

/// A key that cannot sign.
#[derive(Debug)]
pub struct AssertionError(jsonwebtoken::errors::Error);

impl fmt::Display for AssertionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key cannot sign assertions with this algorithm")
    }
}

impl std::error::Error for AssertionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

impl AssertionKey {
    /// A private key in PEM, for `private_key_jwt`.
    ///
    /// # Errors
    ///
    /// [`AssertionError`] if it is no key for this algorithm.
    pub fn from_pem(algorithm: Algorithm, pem: &[u8], time: Arc<dyn Time>) -> Result<Self, AssertionError> {
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        Self::checked(key.map_err(AssertionError)?, algorithm, time)
    }

    /// The client's secret, for `client_secret_jwt`: HS256.
    ///
    /// # Errors
    ///
    /// [`AssertionError`], which no secret is known to cause.
    pub fn from_secret(secret: &[u8], time: Arc<dyn Time>) -> Result<Self, AssertionError> {
        Self::checked(EncodingKey::from_secret(secret), Algorithm::HS256, time)
    }

    /// Signs once, so that a key which cannot is found before a refresh token depends on it.
    fn checked(key: EncodingKey, algorithm: Algorithm, time: Arc<dyn Time>) -> Result<Self, AssertionError> {
        let key = Self { key, algorithm, key_id: None, audience: None, lifetime: Duration::from_secs(60), time };
        key.sign("trial", "trial").map(|_| ())?;
        Ok(key)
    }

    /// The key's name (`kid`).
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.key_id = Some(id.into());
        self
    }

    /// Whom assertions are for. Default: the issuer if it is known (R-161), else the token endpoint.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long an assertion counts. Default a minute.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A fresh assertion: its own `jti`, dated now.
    pub(crate) fn sign(&self, client: &str, audience: &str) -> Result<String, AssertionError> {
        let iat = self.time.now().wall.as_secs();
        let mut jti = [0; 16];
        // Unique is enough: an assertion is as secret as its signature, not as its name.
        for half in jti.chunks_exact_mut(8) {
            half.copy_from_slice(&(self.time.random() ^ fastrand::u64(..)).to_le_bytes());
        }
        let claims = Claims {
            iss: client,
            sub: client,
            aud: self.audience.as_deref().unwrap_or(audience),
            jti: URL_SAFE_NO_PAD.encode(jti),
            iat,
            exp: iat.saturating_add(self.lifetime.as_secs().max(1)),
        };
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.key_id);
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(AssertionError)
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionKey")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
