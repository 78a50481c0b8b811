//! Waiting for a token: the one loop behind every way to ask.

use std::time::Duration;

use tokenflight_core::{
    Error, ErrorKind, FailureClass, Generation,
    machine::{OriginId, Refused},
};

use super::{Inner, Token};
use crate::{
    flight::{Deadline, Join},
    sync::Arc,
};

/// What somebody wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// A token that is valid now.
    Usable,
    /// A token that is valid for this long, if there can be one.
    Lasting(Duration),
    /// A newer token than the one a server refused.
    Refused(Refused),
    /// A new token, whatever the current one is worth.
    Forced,
}

/// What they get.
#[derive(Debug)]
pub(crate) enum Supply {
    /// A token, and perhaps a flight that nobody else keeps moving.
    Token { token: Token, beside: Option<Join> },
    /// Wait for this flight.
    Join(Join),
    /// Ask again when the boot clock shows this.
    Later(Duration),
    /// No token.
    Refused(Error),
}

/// Nobody goes round more often than this: each round ends a flight or a waiting time.
const ROUNDS: usize = 16;

/// How long a shutdown waits between two attempts to store something: at first, and at last.
const FLUSH_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Inner {
    /// Gets what is asked for, waiting for a flight if need be.
    ///
    /// # Cancel safety
    ///
    /// The flight stays; nothing else is held.
    pub(crate) async fn obtain(self: &Arc<Self>, ask: Ask) -> Result<(Token, Option<Join>), Error> {
        for _ in 0..ROUNDS {
            let unloaded = self.is_unloaded();
            match self.ask(&ask) {
                Supply::Token { token, beside } => return Ok((token, beside)),
                Supply::Refused(error) => return Err(error),
                Supply::Later(until) => Deadline::at(Arc::clone(&self.parts.time), until).await,
                Supply::Join(join) => {
                    let asked = self.parts.time.now();
                    match join.await {
                        Ok(Some(token)) if answers(ask, &token) => {
                            if let Some(token) = self.brought(token, asked)? {
                                return Ok((token, None));
                            }
                        }
                        // Something was stored, or the token is not what was asked for: look again.
                        Ok(_) => {}
                        // Nobody had logged in when this was asked, so the login that came meanwhile is the one it waited for.
                        Err(error) if unloaded && *error.kind() == ErrorKind::SessionChanged => {}
                        // The answer was lost, and the same is tried again in a moment.
                        Err(error) if error.class() == Some(FailureClass::Ambiguous) && self.replays_soon() => {}
                        Err(error) => return self.fall_back(ask, error),
                    }
                }
            }
        }
        Err(Error::with_source(ErrorKind::Closed, "the session changed too often while a token was waited for"))
    }

    /// The flight failed; a token that is still good is as good as before.
    fn fall_back(&self, ask: Ask, error: Error) -> Result<(Token, Option<Join>), Error> {
        let changed = *error.kind() == ErrorKind::SessionChanged;
        match (ask, changed) {
            (Ask::Usable | Ask::Lasting(_), false) => self.usable_now().map(|token| (token, None)).ok_or(error),
            _ => Err(error),
        }
    }

    /// As [`flush`](Self::flush), and tries again for as long as the store fails: what is pending may be all that is left
    /// of the session.
    pub(crate) async fn flush_patiently(self: &Arc<Self>) -> Result<(), Error> {
        let mut pause = FLUSH_PAUSE.0;
        loop {
            match self.flush().await {
                Err(error) if *error.kind() == ErrorKind::Store => {
                    Deadline::after(Arc::clone(&self.parts.time), pause).await;
                    pause = (pause * 2).min(FLUSH_PAUSE.1);
                }
                result => return result,
            }
        }
    }

    /// Waits until everything is stored.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            match self.ask_to_save() {
                None => return Ok(()),
                // A refresh that fails after it has stored what was pending has done all that is asked here.
                Some(Supply::Join(join)) => match join.await {
                    Err(error) if self.state().unsaved => return Err(error),
                    _ => {}
                },
                Some(Supply::Refused(error)) => return Err(error),
                Some(_) => {}
            }
        }
        Err(Error::with_source(ErrorKind::Store, "the session changed faster than it could be stored"))
    }
}

/// Whether a flight's token is what was asked for. It may have a lifetime of zero and still be good for those who waited
/// for it.
fn answers(ask: Ask, token: &Token) -> bool {
    match ask {
        Ask::Refused(refused) => token.differs_from(refused.epoch, refused.generation),
        Ask::Usable | Ask::Lasting(_) | Ask::Forced => true,
    }
}

impl Ask {
    /// A newer token than this one, asked for by the user and not by a server.
    pub(crate) const fn newer(epoch: tokenflight_core::Epoch, generation: Generation) -> Self {
        Self::Refused(Refused::new(epoch, generation, OriginId::new(0)))
    }
}
