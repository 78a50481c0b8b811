use std::{
    fmt,
    fs::File,
    io::Read,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokenflight_core::{BoxFuture, Time};
use zeroize::Zeroizing;

use super::text::find;
use crate::{
    BoxError,
    auth::{Assertion, Assertions, SourceError, Wanted},
};

/// A file that the platform renews: a projected token of Kubernetes, a JWT-SVID that a SPIFFE
/// helper writes, the federated token of AKS. It is opened and read for each attempt, because a
/// token that is read once dies with its first hour.
///
/// A file that is missing, empty or half written is read again within a tenth of a second, and then
/// waits for the next attempt. The read blocks for as long as a file in memory takes;
/// [`offload`](Self::offload) is for other file systems.
pub struct TokenFile {
    place: Arc<Place>,
    offload: Option<Offload>,
    time: Arc<dyn Time>,
}

/// What is read, shared with a read that goes on elsewhere.
#[derive(Clone)]
struct Place {
    path: PathBuf,
    member: Option<String>,
    any: bool,
    kind: Option<String>,
}

/// What runs a read where it may block.
type Offload = Box<dyn Fn(Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> + Send + Sync>;

/// The largest file that is read.
const MOST: u64 = 64 * 1024;
/// How often a file is read that holds no token, and how long is waited between.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

impl TokenFile {
    /// The file at this path. It holds a JWT and nothing else; `time` tells when that has expired.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, time: Arc<dyn Time>) -> Self {
        let place = Place { path: path.into(), member: None, any: false, kind: None };
        Self { place: Arc::new(place), offload: None, time }
    }

    /// The file is a JSON object, and the token one of its members.
    #[must_use]
    pub fn json(mut self, member: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.place).member = Some(member.into());
        self
    }

    /// The token may be of any form. Default: a JWT, so that half of one is not sent.
    #[must_use]
    pub fn opaque(mut self) -> Self {
        Arc::make_mut(&mut self.place).any = true;
        self
    }

    /// Reads where it may block: `run` is given the read, and its future ends when that is done.
    /// For files that are not in memory.
    ///
    /// ```
    /// # use tokenflight_oauth2::auth::TokenFile;
    /// # fn example(file: TokenFile) -> TokenFile {
    /// file.offload(|read| async move {
    ///     // An error means that the read was not done, which the source notices.
    ///     let _ = tokio::task::spawn_blocking(read).await;
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn offload<F, Fut>(mut self, run: F) -> Self
    where
        F: Fn(Box<dyn FnOnce() + Send>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.offload = Some(Box::new(move |read| Box::pin(run(read))));
        self
    }

    /// Sets the type of its assertions; see [`Assertion::kind`].
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.place).kind = Some(kind.into());
        self
    }

    async fn read(&self) -> Result<Assertion, BoxError> {
        let Some(offload) = &self.offload else { return self.place.read() };
        let found = Arc::new(Mutex::new(None));
        let (place, slot) = (Arc::clone(&self.place), Arc::clone(&found));
        let read = move || {
            let read = place.read();
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        };
        offload(Box::new(read)).await;
        let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
        found.unwrap_or_else(|| Err("the read was not done where it was handed to".into()))
    }

    async fn patiently(&self) -> Result<Assertion, SourceError> {
        let mut tries = 1;
        loop {
            match self.read().await {
                Ok(assertion) if assertion.lives_at(self.time.now().wall) => return Ok(assertion),
                Ok(_) => return Err(SourceError::Expired),
                Err(error) if tries == TRIES => return Err(SourceError::Unavailable(error)),
                Err(_) => tries += 1,
            }
            self.time.sleep(PAUSE).await;
        }
    }
}

impl Place {
    fn read(&self) -> Result<Assertion, BoxError> {
        let mut bytes = Zeroizing::new(Vec::new());
        File::open(&self.path)?.take(MOST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST {
            return Err("the token file is too large".into());
        }
        let token = find(&bytes, self.member.as_deref()).ok_or_else(|| match &self.member {
            None => "the token file is empty, or no text".to_owned(),
            Some(member) => format!("the token file is no JSON object with the member `{member}`"),
        })?;
        let assertion = Assertion::new(token.as_str());
        if !self.any && (!is_jwt(&token) || assertion.expires_at().is_none()) {
            return Err("the token file holds no whole JWT with an end".into());
        }
        Ok(match &self.kind {
            Some(kind) => assertion.kind(kind.as_str()),
            None => assertion,
        })
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
        f.debug_struct("TokenFile")
            .field("path", &self.place.path)
            .field("member", &self.place.member)
            .finish_non_exhaustive()
    }
}
