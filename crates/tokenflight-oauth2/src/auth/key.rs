//! Signed assertions (RFC 7523).

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub use jsonwebtoken::Algorithm;
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use tokenflight_core::{GrantError, Time};

use super::Signer;

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
    key: Signing,
    algorithm: Algorithm,
    key_id: Option<String>,
    kind: Option<String>,
    certificate: Certificate,
    audience: Option<String>,
    lifetime: Duration,
    ago: Duration,
    time: Arc<dyn Time>,
}

#[derive(Clone)]
enum Signing {
    Here(EncodingKey),
    Elsewhere(Arc<dyn Signer>),
}

/// The thumbprints of the key's certificate.
#[derive(Clone, Default)]
struct Certificate {
    sha1: Option<String>,
    sha256: Option<String>,
}

/// Servers whose clock is a little behind refuse what is dated in their future.
const AGO: Duration = Duration::from_secs(10);

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

    /// A private key that does not leave its place, for `private_key_jwt`: what signs with it is
    /// asked for each attempt.
    #[must_use]
    pub fn from_signer(algorithm: Algorithm, signer: impl Signer, time: Arc<dyn Time>) -> Self {
        Self::of(Signing::Elsewhere(Arc::new(signer)), algorithm, time)
    }

    /// Signs once, so that a key which cannot is found before a refresh token depends on it.
    fn checked(key: EncodingKey, algorithm: Algorithm, time: Arc<dyn Time>) -> Result<Self, AssertionError> {
        let checked = Self::of(Signing::Here(key.clone()), algorithm, time);
        jsonwebtoken::encode(&checked.header(), &checked.claims("trial", "trial"), &key).map_err(AssertionError)?;
        Ok(checked)
    }

    fn of(key: Signing, algorithm: Algorithm, time: Arc<dyn Time>) -> Self {
        Self {
            key,
            algorithm,
            key_id: None,
            kind: None,
            certificate: Certificate::default(),
            audience: None,
            lifetime: Duration::from_secs(60),
            ago: AGO,
            time,
        }
    }

    /// The key's name (`kid`).
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.key_id = Some(id.into());
        self
    }

    /// The SHA-256 thumbprint of the key's certificate, base64url (`x5t#S256`), as Entra wants it.
    #[must_use]
    pub fn certificate_sha256(mut self, thumbprint: impl Into<String>) -> Self {
        self.certificate.sha256 = Some(thumbprint.into());
        self
    }

    /// The SHA-1 thumbprint of the key's certificate, in base64url (`x5t`).
    #[must_use]
    pub fn certificate_sha1(mut self, thumbprint: impl Into<String>) -> Self {
        self.certificate.sha1 = Some(thumbprint.into());
        self
    }

    /// The type in the header (`typ`), such as `client-authentication+jwt`. Default `JWT`.
    #[must_use]
    pub fn token_type(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The audience of assertions. Default: what the provider's row says, which is the issuer if it
    /// is known, else the token endpoint.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How far back assertions are dated (`iat`), for servers whose clock is behind. Default ten
    /// seconds. The end is not moved.
    #[must_use]
    pub const fn issued_ago(mut self, ago: Duration) -> Self {
        self.ago = ago;
        self
    }

    /// How long an assertion counts from now. Default a minute.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A fresh assertion with a `jti` of its own.
    pub(crate) async fn sign(&self, client: &str, audience: &str) -> Result<String, GrantError> {
        let (header, claims) = (self.header(), self.claims(client, audience));
        let signer = match &self.key {
            Signing::Here(key) => {
                let signed = jsonwebtoken::encode(&header, &claims, key);
                return signed.map_err(|error| GrantError::config(AssertionError(error)));
            }
            Signing::Elsewhere(signer) => signer,
        };
        let part = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json));
        let header = part(serde_json::to_vec(&header)).map_err(GrantError::config)?;
        let claims = part(serde_json::to_vec(&claims)).map_err(GrantError::config)?;
        let message = format!("{header}.{claims}");
        let signature = signer.sign(message.as_bytes()).await.map_err(GrantError::not_sent)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn claims<'a>(&'a self, client: &'a str, audience: &'a str) -> Claims<'a> {
        let now = self.time.now().wall.as_secs();
        let mut jti = [0; 16];
        // Unique is enough: an assertion is as secret as its signature, not as its name.
        for half in jti.chunks_exact_mut(8) {
            half.copy_from_slice(&(self.time.random() ^ fastrand::u64(..)).to_le_bytes());
        }
        Claims {
            iss: client,
            sub: client,
            aud: self.audience.as_deref().unwrap_or(audience),
            jti: URL_SAFE_NO_PAD.encode(jti),
            iat: now.saturating_sub(self.ago.as_secs()),
            exp: now.saturating_add(self.lifetime.as_secs().max(1)),
        }
    }

    fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.key_id);
        header.x5t.clone_from(&self.certificate.sha1);
        header.x5t_s256.clone_from(&self.certificate.sha256);
        if self.kind.is_some() {
            header.typ.clone_from(&self.kind);
        }
        header
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
