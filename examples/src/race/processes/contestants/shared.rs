// Learn here: all it takes for many processes. The session of a single process with another store:
// the files in a folder. A process that presents has the kernel's lock and has noted so in the
// record; a dead one's note is respected; a login waits for no request, and what a request brings
// after it is refused.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokenflight::{BoxError, BoxFuture, Error, ErrorKind, GrantKey, Session, Token, TokenSet, grant_fn};
use tokenflight_store_file::{FileError, FileStore};

use super::{NoToken, Opened, Program, wire};
use crate::race::{clients::renew, processes::spec::Spec};

/// How long the end of a process waits for what is in progress.
const LAST: Duration = Duration::from_secs(3);

/// A session over files.
pub(super) struct Shared {
    session: Session,
    /// The token that was handed out last.
    last: Mutex<Option<Token>>,
}

impl Shared {
    /// Builds the session and its driver.
    pub(super) fn open(spec: &Spec) -> Result<Opened, BoxError> {
        let endpoint = wire(spec)?;
        let session = Session::builder(grant_fn(move |request| renew(endpoint.clone(), request)))
            .key(GrantKey::new("race"))
            .store(FileStore::in_dir(&spec.folder))
            .reuse_policy(spec.reuse_policy())
            .build()?;
        let driver = session.driver();
        Ok(Opened { program: Box::new(Self { session, last: Mutex::default() }), timer: Some(Box::pin(driver)) })
    }

    async fn obtain(&self, is_refused: bool) -> Result<Token, Error> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last.filter(|_| is_refused) {
            Some(refused) => self.session.newer_than(refused.generation()).await,
            None => self.session.token().await,
        }
    }
}

impl Program for Shared {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>> {
        Box::pin(async move {
            let mut obtained = self.obtain(refused.is_some()).await;
            if obtained.as_ref().is_err_and(Error::needs_login) {
                // Another process may have logged in.
                obtained = match self.session.reload().await {
                    Ok(()) => self.session.token().await,
                    Err(error) => Err(error),
                };
            }
            if obtained.as_ref().is_err_and(|error| *error.kind() == ErrorKind::SessionChanged) {
                obtained = self.session.token().await;
            }
            match obtained {
                Ok(token) => {
                    let access = token.access().expose().to_owned();
                    *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
                    Ok(access)
                }
                Err(error) if error.needs_login() => Err(NoToken::Login),
                Err(error) => Err(NoToken::Failed(words(&error).into())),
            }
        })
    }

    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            self.session.login(tokens).await?;
            Ok(self.session.shutdown(LAST).await?)
        })
    }

    fn end(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // What is not stored by then is lost, and counted by the server.
            let _ = self.session.shutdown(LAST).await;
        })
    }
}

/// What went wrong, with what the store says would help.
fn words(error: &Error) -> String {
    match FileError::find(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
