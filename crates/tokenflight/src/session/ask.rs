//! Waiting for a token: the one loop behind every way to ask.

use std::{future::Future, time::Duration};

use tokenflight_core::{Epoch, Error, ErrorKind, FailureClass, Generation, Now};
use tokenflight_machine::Refused;

use super::{Inner, Supply, Token};
use crate::{
    flight::{Join, Landed},
    sync::Arc,
    time::Deadline,
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
    /// A newer token than this one, asked for by the user and not by a server. Of the login there is when this is first
    /// asked.
    Newer { epoch: Option<Epoch>, generation: Generation },
    /// A new token, whatever the current one is worth.
    Forced,
}

/// Nobody goes round more often than this: each round ends a flight or a waiting time.
const ROUNDS: u8 = 16;

/// How long a shutdown waits between two attempts to store something: at first, and at last.
const FLUSH_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Inner {
    /// Gets what is asked for, waiting for a flight if need be.
    ///
    /// # Cancel safety
    ///
    /// The flight stays; nothing else is held.
    // An `async fn` would keep its arguments twice, and there may be very many who wait.
    #[expect(clippy::manual_async_fn)]
    pub(crate) fn obtain(
        self: &Arc<Self>,
        mut ask: Ask,
    ) -> impl Future<Output = Result<(Token, Option<Join>), Error>> + Send {
        async move {
            let mut pinned = None;
            'ask: for _ in 0..ROUNDS {
                self.pin(&mut pinned)?;
                let until = 'later: {
                    let at = self.parts.time.now();
                    let (mut flight, unloaded) = match self.ask(&mut ask, at) {
                        Supply::Join { flight, unloaded } => (flight, unloaded),
                        Supply::Later(until) => break 'later until,
                        Supply::Token { token, beside } => return Ok((token, beside)),
                        Supply::Refused(error) => return Err(error),
                    };
                    let landed = (&mut flight).await;
                    if landed.is_ok() {
                        // Of the same login, which the store may know by another number.
                        pinned = None;
                    }
                    if let Some(result) = self.landed(landed, ask, at, unloaded) {
                        return result.map(|token| (token, None));
                    }
                    continue 'ask;
                };
                // Boxed, so that those who wait for a flight need not keep room for it.
                Box::pin(Deadline::at(Arc::clone(&self.parts.time), until)).await;
            }
            Err(Error::with_source(ErrorKind::Closed, "the session changed too often while a token was waited for"))
        }
    }

    /// Pins a wait to the login of its first look, however often it has to look again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionChanged`] after a logout or another login.
    fn pin(&self, pinned: &mut Option<Epoch>) -> Result<(), Error> {
        let login = self.login_now();
        match (*pinned, login) {
            (Some(first), Some(now)) if first != now => Err(Error::new(ErrorKind::SessionChanged)),
            (None, _) => {
                *pinned = login;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What a flight's end is to one who asked this then; `None` if it has to look again.
    fn landed(&self, landed: Landed, ask: Ask, at: Now, unloaded: bool) -> Option<Result<Token, Error>> {
        match landed {
            Ok(Some(cargo)) if answers(ask, &cargo.token) => self.brought(cargo, at).transpose(),
            // Something was stored, or the token is not what was asked for.
            Ok(_) => None,
            // Nobody had logged in when this was asked, so the login that came meanwhile is the one it waited for.
            Err(error) if unloaded && *error.kind() == ErrorKind::SessionChanged => None,
            // The answer was lost, and the same is tried again in a moment.
            Err(error) if error.class() == Some(FailureClass::Ambiguous) && self.replays_soon() => None,
            Err(error) => Some(self.fall_back(ask, error)),
        }
    }

    /// The flight failed; a token that is still good is as good as before.
    fn fall_back(&self, ask: Ask, error: Error) -> Result<Token, Error> {
        let changed = *error.kind() == ErrorKind::SessionChanged;
        match (ask, changed) {
            (Ask::Usable | Ask::Lasting(_), false) => self.usable_now().ok_or(error),
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
                Some(Supply::Join { flight, .. }) => match flight.await {
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
        Ask::Newer { epoch: Some(epoch), generation } => token.differs_from(epoch, generation),
        Ask::Usable | Ask::Lasting(_) | Ask::Forced | Ask::Newer { epoch: None, .. } => true,
    }
}
