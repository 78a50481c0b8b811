//! The session that several audiences share, and how each of them has its refresh token presented.

use tokenflight_core::{Error, ErrorKind, FailureClass};
use tokenflight_machine::{Outcome, Plan, Saved};

use super::{Common, Members};
use crate::{
    flights::carried,
    parts::Parts,
    refresh::{Granted, Wish},
    session::Access,
    slot::Inner,
    sync::{Arc, Weak, lock},
};

/// A wish's place in the queue. It goes with the refresh that asked.
struct Place<'a> {
    common: &'a Common<Inner>,
    wish: Arc<Wish<Inner>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.common.queue).retain(|wish| !Arc::ptr_eq(wish, &self.wish));
    }
}

/// Pieces of work that a refresh of an audience sits through; then something else is wrong.
const MOST: usize = 256;

impl Common<Inner> {
    /// Has the refresh token presented for an audience.
    pub(crate) async fn obtain(&self, parts: &Parts, session: &Weak<Inner>, plan: &Plan) -> Outcome<Access> {
        let pin = self.root.look(|slot, _| slot.machine.resets());
        let wish = Arc::new(Wish::new(Arc::clone(&parts.grant), plan.reason, pin, Weak::clone(session), plan.id));
        match self.granted(&wish).await {
            Ok((token, times, login)) => {
                Outcome::Obtained { token, times, renewable: true, saved: Saved::Elsewhere { login } }
            }
            Err(error) => {
                // An answer would have told which login it is for.
                if let (Some(session), Some((login, false))) = (session.upgrade(), self.root.login_in_common()) {
                    session.follow(login, false);
                }
                if error.needs_login() {
                    return Outcome::Over { error };
                }
                let class = match error.kind() {
                    ErrorKind::Refresh(class) => *class,
                    _ => FailureClass::NotSent,
                };
                Outcome::Failed { class, error, in_doubt: None, rotated: None }
            }
        }
    }

    /// Waits until it is this wish's turn and it has been served.
    ///
    /// # Cancel safety
    ///
    /// It leaves the queue. A request that was sent for it goes on, because the answer may bring
    /// another refresh token.
    async fn granted(&self, wish: &Arc<Wish<Inner>>) -> Granted {
        lock(&self.queue).push_back(Arc::clone(wish));
        let _place = Place { common: self, wish: Arc::clone(wish) };
        for _ in 0..MOST {
            // No handle is left to renew anything for.
            if wish.is_gone() {
                return Err(Error::new(ErrorKind::Closed));
            }
            let (wait, beside) = self.root.present(wish.pin, || self.next(wish))?;
            if self.root.peek(|slot| !slot.is_driven() && slot.owes()) {
                self.root.members.iter().for_each(|members| members.outdate());
            }
            carried(Box::pin(self.root.through(wait)), beside).await?;
            if let Some(granted) = wish.granted() {
                return granted.clone();
            }
        }
        Err(Error::with_source(ErrorKind::Store, "other audiences and processes were faster each time"))
    }

    /// The first wish that a caller or a driver waits for; this one, if there is no other.
    fn next(&self, wish: &Arc<Wish<Inner>>) -> Arc<Wish<Inner>> {
        // Whether it is wanted is asked with the queue unlocked: that locks another session.
        let queue: Vec<_> = lock(&self.queue).iter().cloned().collect();
        let mut waiting = queue.into_iter().filter(|next| next.granted().is_none() && next.pin == wish.pin);
        waiting.find(|next| Arc::ptr_eq(next, wish) || next.is_wanted()).unwrap_or_else(|| Arc::clone(wish))
    }
}

impl Members<Inner> {
    /// Has their requests ask: without a driver it is up to them to move on what they share.
    pub(super) fn outdate(&self) {
        self.sessions().for_each(|session| session.outdate());
    }

    /// The common session has changed: a login or logout of its is theirs, also one of another
    /// process that it has met in the store.
    pub(crate) fn learn(&self, common: &Inner) {
        if let Some((login, over)) = common.login_in_common() {
            self.sessions().for_each(|session| session.follow_at_rest(login, over));
        }
    }
}
