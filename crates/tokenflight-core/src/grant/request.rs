use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use super::FailureClass;
use crate::{Generation, LoginId, RefreshToken};

/// Why a flight was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The session knows nothing yet and looks into its store first.
    Load,
    /// The token is within its lead, or has expired.
    Due,
    /// A server refused the token.
    Rejected,
    /// The user asked for it.
    Forced,
    /// Something has not reached the store yet.
    Persist,
}

/// What one token request is made from. Cloning shares the progress mark.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    refresh_token: Option<RefreshToken>,
    reason: Reason,
    login: LoginId,
    generation: Generation,
    sent: Arc<AtomicU8>,
}

/// Values of the progress mark.
const UNKNOWN: u8 = 0;
const UNSENT: u8 = 1;
const SENT: u8 = 2;

impl TokenRequest {
    /// A request; made by the engine, and by tests of grants.
    #[must_use]
    pub fn new(refresh_token: Option<RefreshToken>, reason: Reason) -> Self {
        Self {
            refresh_token,
            reason,
            login: LoginId::default(),
            generation: Generation::default(),
            sent: Arc::new(AtomicU8::new(UNKNOWN)),
        }
    }

    /// Says which token set this request is to replace.
    #[must_use]
    pub fn replacing(mut self, login: LoginId, generation: Generation) -> Self {
        (self.login, self.generation) = (login, generation);
        self
    }

    /// The refresh token to present.
    #[must_use]
    pub const fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    /// Why the request is made.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The login the result will belong to.
    #[must_use]
    pub const fn login(&self) -> LoginId {
        self.login
    }

    /// The generation that is to be replaced.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Declares that nothing has left this process yet: until [`mark_sent`](Self::mark_sent), a
    /// panic or the time limit counts as [`FailureClass::NotSent`]. Without this call the engine
    /// must assume the worst.
    pub fn mark_unsent(&self) {
        // A request that was sent stays sent.
        let _ = self.sent.compare_exchange(UNKNOWN, UNSENT, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Declares that the first byte goes out now.
    pub fn mark_sent(&self) {
        self.sent.store(SENT, Ordering::Release);
    }

    /// Whether the request was declared [sent](Self::mark_sent).
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Acquire) == SENT
    }

    /// The class of an attempt that ended without an answer.
    #[must_use]
    pub fn class_without_answer(&self) -> FailureClass {
        match self.sent.load(Ordering::Acquire) {
            UNSENT => FailureClass::NotSent,
            _ => FailureClass::Ambiguous,
        }
    }
}
