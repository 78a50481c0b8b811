//! The common session of several audiences: presenting its refresh token for one of them.

use tokenflight_core::{Error, ErrorKind, LoginId};

use crate::{
    flights::Carries,
    refresh::Wish,
    slot::{Inner, Wait},
    sync::Arc,
    telemetry::Cause,
};

impl Inner {
    /// Joins the work in progress, or starts a refresh for the next wish.
    ///
    /// # Errors
    ///
    /// Nothing can be presented; or there was a login or logout since the wish was made.
    pub(crate) fn present(
        self: &Arc<Self>,
        pin: u64,
        next: impl FnOnce() -> Arc<Wish>,
    ) -> Result<(Wait, Option<Box<Carries>>), Error> {
        let (now, next, mut cause) = (self.parts.now(), next(), Cause::here());
        let wait = self.ask(now, |slot| {
            if slot.machine.resets() != pin {
                return Err(Error::new(ErrorKind::SessionChanged));
            }
            let decision = slot.machine.present(next.reason, now);
            let wait = slot.pursue(decision, Some(&next), &mut cause, self)?;
            Ok((wait, slot.carry_owed()))
        });
        // With nothing locked: it may be the last one to hold the grant.
        drop(next);
        if let Ok((Wait::Refresh(join, true), _)) = &wait {
            join.fire();
        }
        wait
    }

    /// What a caller with a usable token keeps moving of the common session, if no driver does.
    pub(super) fn beside_common(&self) -> Option<Box<Carries>> {
        let common = &self.parts.common.as_ref()?.root.inner;
        let now = common.parts.now();
        common.ask(now, |slot| {
            let beside = if slot.is_driven() { None } else { slot.machine.beside(now) };
            slot.carry_beside(beside, common)
        })
    }

    /// The login that audiences have in common, and whether it was logged out; nothing while that
    /// is to be read again.
    pub(crate) fn login_in_common(&self) -> Option<(LoginId, bool)> {
        self.peek(|slot| {
            let machine = &slot.machine;
            let known = !machine.is_unloaded() || !machine.knows_login();
            known.then(|| (machine.login_id(), machine.is_logged_out()))
        })
    }

    /// Whether requests of an audience have to ask, because the common session has no driver and
    /// owes something.
    pub(crate) fn asks_for_common(&self) -> bool {
        self.parts.common.as_ref().is_some_and(|common| common.root.inner.peek(|slot| !slot.is_driven() && slot.owes()))
    }
}
