use std::{fmt, fs::File, io::Read, path::PathBuf, sync::Arc, time::Duration};

use tokenflight_core::{BoxFuture, Time};
use zeroize::Zeroizing;

use crate::{
    BoxError,
    auth::{Assertion, Assertions, SourceError, Wanted},
};

/// A file that the platform renews: a projected token of Kubernetes, a JWT-SVID that a SPIFFE helper writes, the federated
/// token of AKS. It is opened and read for each attempt, because a token that is read once dies with its first hour.
///
/// A file that is missing, empty or half written is read again within a tenth of a second, and then waits for the next
/// attempt. The read blocks for as long as a file in memory takes.
pub struct TokenFile {
    path: PathBuf,
    member: Option<String>,
    any: bool,
    kind: Option<String>,
    time: Arc<dyn Time>,
}

/// The largest file that is read.
const MOST: u64 = 64 * 1024;
/// How often a file is read that holds no token, and how long is waited between.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

impl TokenFile {
    /// The file at this path. It holds a JWT and nothing else; `time` tells when that has expired.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, time: Arc<dyn Time>) -> Self {
        Self { path: path.into(), member: None, any: false, kind: None, time }
    }

    /// The file is a JSON object, and the token one of its members.
    #[must_use]
    pub fn json(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// The token may be of any form. Default: a JWT, so that half of one is not sent.
    #[must_use]
    pub const fn opaque(mut self) -> Self {
        self.any = true;
        self
    }

    /// Sets the type of its assertions; see [`Assertion::kind`].
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    fn read(&self) -> Result<Assertion, BoxError> {
        let mut text = Zeroizing::new(String::new());
        File::open(&self.path)?.take(MOST + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MOST {
            return Err("the token file is too large".into());
        }
        let token = match &self.member {
            None => Zeroizing::new(text.trim().to_owned()),
            Some(member) => {
                let found: serde_json::Value = serde_json::from_str(&text).map_err(|_| "the token file is no JSON")?;
                let found = found.get(member).and_then(serde_json::Value::as_str);
                Zeroizing::new(found.ok_or("the token file has no such member")?.trim().to_owned())
            }
        };
        if token.is_empty() {
            return Err("the token file is empty".into());
        }
        let assertion = Assertion::new(token.as_str());
        if !self.any && (!is_jwt(&token) || assertion.expires_at().is_none()) {
            return Err("the token file holds no whole JWT with an end".into());
        }
        Ok(match &self.kind {
            Some(kind) => assertion.kind(kind.as_str()),
            None => assertion,
        })
    }

    async fn patiently(&self) -> Result<Assertion, SourceError> {
        let mut tries = 1;
        loop {
            match self.read() {
                Ok(assertion) if assertion.lives_at(self.time.now().wall) => return Ok(assertion),
                Ok(_) => return Err(SourceError::Expired),
                Err(error) if tries == TRIES => return Err(SourceError::Unavailable(error)),
                Err(_) => tries += 1,
            }
            self.time.sleep(PAUSE).await;
        }
    }
}

/// Three parts in base64url (RFC 7515 §3.1).
fn is_jwt(token: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    token.split('.').count() == 3 && token.split('.').all(part)
}

impl Assertions for TokenFile {
    fn next<'a>(&'a self, _: &'a Wanted<'_>) -> BoxFuture<'a, Result<Assertion, SourceError>> {
        Box::pin(self.patiently())
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).field("member", &self.member).finish_non_exhaustive()
    }
}
