//! The session that several audiences share, and how each of them has its refresh token presented.

use std::collections::VecDeque;

use tokenflight_core::{Error, ErrorKind, FailureClass};
use tokenflight_machine::{Outcome, Plan, Saved};

use crate::{
    Session,
    flights::carried,
    parts::Parts,
    refresh::{Granted, Wish},
    session::Access,
    slot::Inner,
    sync::{Arc, Mutex, OnceLock, Weak, lock},
};

/// The common session, and what audiences ask of it, in the order of asking.
pub(crate) struct Common {
    pub(crate) root: Session,
    queue: Mutex<VecDeque<Arc<Wish>>>,
    members: Arc<Members>,
}

/// The sessions of the audiences.
#[derive(Default)]
pub(super) struct Members(OnceLock<Vec<Weak<Inner>>>);

impl Members {
    pub(super) fn are(&self, sessions: Vec<Weak<Inner>>) {
        let _ = self.0.set(sessions);
    }

    /// Has their requests ask: without a driver it is up to them to move on what they have in common.
    pub(super) fn outdate(&self) {
        self.sessions().for_each(|session| session.outdate());
    }

    fn sessions(&self) -> impl Iterator<Item = Arc<Inner>> {
        self.0.get().into_iter().flatten().filter_map(Weak::upgrade)
    }
}

/// A wish's place in the queue. It goes with the refresh that asked.
struct Place<'a> {
    common: &'a Common,
    wish: Arc<Wish>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.common.queue).retain(|wish| !Arc::ptr_eq(wish, &self.wish));
    }
}

/// Pieces of work that a refresh of an audience sits through; then something else is wrong.
const MOST: usize = 256;

impl Common {
    pub(super) fn new(root: Session, members: Arc<Members>) -> Self {
        Self { root, queue: Mutex::default(), members }
    }

    /// Has the refresh token presented for an audience.
    pub(crate) async fn obtain(&self, parts: &Parts, session: &Weak<Inner>, plan: &Plan) -> Outcome<Access> {
        let pin = self.root.inner.look(|slot, _| slot.machine.resets());
        let wish = Arc::new(Wish::new(Arc::clone(&parts.grant), plan.reason, pin, Weak::clone(session), plan.id));
        match self.granted(&wish).await {
            Ok((token, times, login)) => {
                Outcome::Obtained { token, times, renewable: true, saved: Saved::Elsewhere { login } }
            }
            Err(error) if error.needs_login() => Outcome::Over { error },
            Err(error) => {
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
    /// It leaves the queue. A request that was sent for it goes on, because the answer may bring another refresh token.
    async fn granted(&self, wish: &Arc<Wish>) -> Granted {
        lock(&self.queue).push_back(Arc::clone(wish));
        let _place = Place { common: self, wish: Arc::clone(wish) };
        for _ in 0..MOST {
            // No handle is left to renew anything for.
            if wish.is_gone() {
                return Err(Error::new(ErrorKind::Closed));
            }
            let (wait, beside) = self.root.inner.present(wish.pin, || self.next(wish))?;
            if self.root.inner.peek(|slot| !slot.is_driven() && slot.owes()) {
                self.members.outdate();
            }
            carried(Box::pin(self.root.inner.through(wait)), beside).await?;
            self.spread(wish);
            if let Some(granted) = wish.granted() {
                return granted.clone();
            }
        }
        Err(Error::with_source(ErrorKind::Store, "other audiences and processes were faster each time"))
    }

    /// Another process's login or logout that was found in the store is every audience's. The one that asked learns of it by
    /// its answer.
    fn spread(&self, wish: &Wish) {
        let (login, over) = self.root.inner.peek(|slot| (slot.machine.login_id(), slot.machine.is_logged_out()));
        for session in self.members.sessions().filter(|session| !wish.is_of(session)) {
            match over {
                false => session.follow(login),
                true if session.peek(|slot| slot.machine.is_logged_out()) => {}
                true => drop(session.logout()),
            }
        }
    }

    /// The first wish that a caller or a driver waits for; this one, if there is no other.
    fn next(&self, wish: &Arc<Wish>) -> Arc<Wish> {
        // Whether it is wanted is asked with the queue unlocked: that locks another session.
        let queue: Vec<_> = lock(&self.queue).iter().cloned().collect();
        let mut waiting = queue.into_iter().filter(|next| next.granted().is_none() && next.pin == wish.pin);
        waiting.find(|next| Arc::ptr_eq(next, wish) || next.is_wanted()).unwrap_or_else(|| Arc::clone(wish))
    }
}
