use std::{fmt, sync::Arc};

use tokenflight_core::{BoxFuture, Time};

use crate::auth::{Assertion, Assertions, SourceError, Wanted};

/// An assertion in an environment variable, as GitLab's `id_tokens` hands it to a job. It cannot be
/// renewed: once it has expired, the job has outlived its identity.
pub struct EnvVar {
    name: String,
    time: Arc<dyn Time>,
}

impl EnvVar {
    /// The variable of this name; `time` tells when the assertion has expired.
    #[must_use]
    pub fn new(name: impl Into<String>, time: Arc<dyn Time>) -> Self {
        Self { name: name.into(), time }
    }

    fn read(&self) -> Result<Assertion, SourceError> {
        let setup = |what: &str| SourceError::Setup(format!("the environment variable {} {what}", self.name).into());
        let text = std::env::var(&self.name).map_err(|_| setup("is not set, or is no text"))?;
        if text.trim().is_empty() {
            return Err(setup("is empty"));
        }
        let assertion = Assertion::new(text.trim());
        let lives = assertion.lives_at(self.time.now().wall);
        if lives { Ok(assertion) } else { Err(setup("holds an assertion that has expired, and cannot be renewed")) }
    }
}

impl Assertions for EnvVar {
    fn next<'a>(&'a self, _: &'a Wanted<'_>) -> BoxFuture<'a, Result<Assertion, SourceError>> {
        Box::pin(async { self.read() })
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvVar").field("name", &self.name).finish_non_exhaustive()
    }
}
