//! What must hold in every state, checked at the step that can break it by an all-knowing observer.

use crate::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[rustfmt::skip]
pub(crate) enum Law {
    Alone, Forward, Reuse, Kept, Accepted, Later, Truth, TokensStay, FlightsEnd, ResetOnce,
    ResetUndoes, ResetTells,
}

impl Law {
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Alone => "a refresh token is presented by one holder at a time, until the outcome is recorded",
            Self::Forward => "epochs, rotations and token sets in the store never go back, and belong to their login",
            Self::Reuse => {
                "a spent refresh token is presented only when its successor is lost and the access token is not usable"
            }
            Self::Kept => {
                "a successor in a living holder's hand is stored, and its predecessor not presented meanwhile"
            }
            Self::Accepted => "a successor of what is stored is never refused",
            Self::Later => "nothing is claimed that a living process knows to have been replaced before a failover",
            Self::Truth => "a session is ended only if the server has ended it",
            Self::TokensStay => "an end removes no tokens",
            Self::FlightsEnd => "once faults are over every flight, login and logout ends",
            Self::ResetOnce => "a login or logout takes effect once",
            Self::ResetUndoes => "a login or logout never undoes one that came after it began",
            Self::ResetTells => "a login or logout is reported as what it was, with the tokens that it replaced",
        }
    }

    /// Whether a pause or a cut that outlasts a claim may break it.
    pub(crate) const fn can_be_excused(self) -> bool {
        matches!(self, Self::Alone | Self::Reuse | Self::Kept)
    }
}

impl State {
    /// The first law that a step breaks is the one that is reported.
    pub(crate) fn breaks(&mut self, law: Law) {
        self.broken = self.broken.or(Some(law));
    }

    fn require(&mut self, holds: bool, law: Law) {
        if !holds {
            self.breaks(law);
        }
    }
}

impl World {
    /// Before the first byte.
    pub(crate) fn check_send(&self, state: &mut State, h: usize) {
        let tokens = state.holders[h].attempt.tokens;
        for other in (0..self.config.holders).filter(|other| *other != h) {
            let other = state.holders[other];
            if other.life == Life::Dead {
                continue;
            }
            state.require(!other.presents(&tokens), Law::Alone);
            state.require(!other.owes_for(&tokens), Law::Kept);
            // What an awake process has adopted is not superseded by going back to its predecessor.
            let later = other.known.and_then(|known| known.tokens().copied());
            let later = later.is_some_and(|later| later.family == tokens.family && later.refresh > tokens.refresh);
            state.require(!later || other.life == Life::Paused || other.cut, Law::Kept);
        }
    }

    /// At the authorization server: the refresh token was presented before, and it is not answered
    /// again. That is right only as the last resort, when its successor is lost.
    pub(crate) fn check_reuse(&self, state: &mut State, tokens: &Tokens, usable: bool, sender: u8) {
        let others = (0..self.config.holders).filter(|other| *other != usize::from(sender));
        let in_hand = others
            .map(|other| state.holders[other])
            .any(|other| other.life != Life::Dead && (other.presents(tokens) || other.owes_for(tokens)));
        let stored = state.record.tokens().copied();
        let stored = stored.is_some_and(|stored| stored.family == tokens.family && stored.refresh > tokens.refresh);
        state.require(!usable && !in_hand && !stored, Law::Reuse);
    }

    /// A claim is granted.
    pub(crate) fn check_granted(&self, state: &mut State, record: &Record) {
        let knows_later = state.holders[..self.config.holders].iter().any(|holder| {
            let later = |known: Record| known.home == record.home && known.order() > record.order();
            holder.life == Life::Awake && !holder.cut && holder.known.is_some_and(later)
        });
        state.require(!knows_later, Law::Later);
    }

    /// A write takes effect.
    pub(crate) fn check_landing(&self, state: &mut State, new: &Record) {
        let old = state.record;
        state.require(new.order() >= old.order(), Law::Forward);
        let reset = new.login == new.op && new.login != old.login;
        if let (Some(before), Some(after)) = (old.tokens(), new.tokens())
            && old.login == new.login
        {
            let onward = before.family == after.family && before.access <= after.access;
            state.require(onward, Law::Forward);
        }
        if let (Session::Active(before), Session::Ended(after)) = (old.session, new.session)
            && old.set == new.set
        {
            let family = state.families[usize::from(before.family)];
            state.require(!family.alive || family.current != before.refresh, Law::Truth);
            state.require(before == after, Law::TokensStay);
        }
        let vanished = old.login == new.login && old.tokens().is_some() && new.tokens().is_none();
        state.require(!vanished, Law::TokensStay);
        let claimed = new.claim.is_some_and(|claim| claim.op == new.op);
        if claimed && old.home != state.incarnation {
            self.check_granted(state, &old);
        }
        if reset {
            self.check_reset_lands(state, new.login);
        }
        for holder in &mut state.holders {
            // Also if another holder writes it back after a failover.
            holder.write.landed |= holder.write.id == new.login;
        }
    }

    fn check_reset_lands(&self, state: &mut State, login: u8) {
        let replaced = state.record.tokens().copied();
        for h in 0..self.config.holders {
            let write = state.holders[h].write;
            if !matches!(write.kind, Kind::Login | Kind::Logout) || state.holders[h].phase != Phase::Write {
                continue;
            }
            if write.id == login {
                state.require(!write.later.contains(&state.record.login), Law::ResetUndoes);
                state.require(!write.landed, Law::ResetOnce);
                state.holders[h].write.replaced = replaced;
            } else if write.begun
                && write.base != login
                && !write.later.contains(&login)
                && let Some(free) = state.holders[h].write.later.iter_mut().find(|id| **id == 0)
            {
                *free = login;
            }
        }
    }

    /// A login or logout is over, with this answer.
    pub(crate) fn check_reset_told(&self, state: &mut State, h: usize, stored: bool, replaced: Option<Tokens>) {
        let write = state.holders[h].write;
        if stored {
            let same = |one: Tokens, other: Tokens| one.same_refresh(&other);
            let told = match (replaced, write.replaced) {
                (Some(told), Some(truth)) => same(told, truth),
                (told, truth) => told.is_none() && truth.is_none(),
            };
            state.require(state.record.login == write.id && told, Law::ResetTells);
        } else {
            let may_land = state.zombie.is_some_and(|zombie| zombie.new.login == write.id && self.fits(state, &zombie));
            state.require(state.record.login != write.id && !may_land, Law::ResetTells);
        }
    }

    /// A successor was refused.
    pub(crate) fn check_refused(&self, state: &mut State, h: usize) {
        let next = state.holders[h].write.next;
        let family = state.families[usize::from(next.family)];
        let stored = state.record.tokens().copied();
        let only = stored.is_some_and(|stored| {
            family.alive
                && stored.family == next.family
                && stored.refresh < next.refresh
                && family.current == next.refresh
        });
        state.require(!only, Law::Accepted);
    }
}
