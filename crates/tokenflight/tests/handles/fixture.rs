//! A session, in the words of the tests that follow its last handle and its drivers.

pub(crate) use std::time::Duration;

pub(crate) use futures_util::FutureExt;
pub(crate) use tokenflight::{Audiences, BearerLayer, Driver, Origins, Session, Token, TokenSet};
pub(crate) use tokenflight_test::{
    ManualTime, MockGrant, ModelStore,
    mock::{OpKind, Trouble},
};

pub(crate) use crate::around::{Around, SECOND, around, driven, ends, goes_on, poll, set};

pub(crate) const LIFETIME: Duration = Duration::from_secs(300);

/// A logged-in session, and what it touches.
pub(crate) struct Fixture {
    around: Around,
    pub(crate) session: Session,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let (around, session) = around();
        Self { around, session }
    }

    /// And its driver, which has begun.
    pub(crate) fn driven() -> (Self, Driver) {
        let (around, session, driver) = driven();
        (Self { around, session }, driver)
    }

    /// A token request is in progress, and the caller that started it has gone.
    pub(crate) fn fly(&self) {
        self.grant.gate().close();
        assert!(self.session.refresh().now_or_never().is_none());
        assert_eq!((self.grant.count(), self.session.state().refreshing), (1, true));
    }

    pub(crate) fn token(&self) -> String {
        access(&self.session.token().now_or_never().expect("a token at once").unwrap())
    }

    /// Drops the last handle.
    pub(crate) fn leave(self) -> Around {
        self.around
    }
}

impl std::ops::Deref for Fixture {
    type Target = Around;

    fn deref(&self) -> &Around {
        &self.around
    }
}

pub(crate) fn access(token: &Token) -> String {
    token.access().expose().to_owned()
}
