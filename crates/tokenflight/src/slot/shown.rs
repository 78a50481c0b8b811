//! What a session shows: to requests, to watchers, and to those who ask how it stands.

use std::time::Duration;

use http::HeaderValue;
use tokenflight_core::{Generation, LoginId, Now};
use tokenflight_machine::Offer;

use super::{Inner, Slot};
use crate::{
    session::{Pass, Snapshot, State, Status},
    sync::lock,
};

/// What requests and watchers have been shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    login: LoginId,
    generation: Generation,
    usable: bool,
    /// From when and for how long it may be handed out without asking, if it may.
    pub(super) offer: Option<(Now, Option<Duration>)>,
    driven: bool,
}

impl Inner {
    /// What is current, not yet copied.
    pub(crate) fn snapshot(&self) -> Snapshot {
        // Read before the token: if it changes in between, the copy proves old at its first use.
        let stamp = self.stamp();
        if self.asks_for_common() {
            // No stamp is zero: the next request looks again.
            return Snapshot::default();
        }
        let now = self.parts.now();
        let mut slot = lock(&self.slot);
        let driven = slot.driver.is_some();
        let offer = slot.offer(now);
        let access = slot.machine.token().cloned();
        if offer.is_some() {
            slot.machine.note_use();
        }
        // Whatever changes a session shows it. What the clock alone changes is that there is no
        // offer any more.
        if slot.shown.offer.is_some() == offer.is_some() && slot.has_nothing_to_hand_over() {
            drop(slot);
        } else {
            self.show(slot, now);
        }
        let pass = access.zip(offer).map(|(access, offer)| Pass {
            header: access.header().clone(),
            login: offer.login,
            generation: offer.generation,
            clock: offer.ask_after.filter(|_| !driven).map(|after| (offer.anchor, after)),
        });
        Snapshot { stamp, pass, copied: false }
    }

    /// The header of the current token, also while requests would keep something moving.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        self.look(|slot, now| slot.machine.offer(true, now).and_then(|_| slot.token()))
            .map(|token| token.header().clone())
    }

    pub(crate) fn state(&self) -> State {
        self.look(|slot, now| {
            let machine = &slot.machine;
            let usable = machine.has_usable(None, now);
            let status = match machine.over() {
                Some(error) if usable => Status::Ending(error.clone()),
                Some(error) => Status::Over(error.clone()),
                None if usable => Status::Usable,
                None if machine.is_unloaded() => Status::Unloaded,
                None => Status::Stale,
            };
            State {
                status,
                login: machine.login_id(),
                generation: machine.generation(),
                refreshing: slot.refresh.is_some(),
                unsaved: machine.has_unsaved(),
                fresh_refused: machine.fresh_refused(),
            }
        })
    }
}

impl Slot {
    /// What may be handed out without asking. Without a driver, requests keep moving what was left
    /// behind, so they have to ask.
    fn offer(&self, now: Now) -> Option<Offer> {
        let driven = self.is_driven();
        if driven || self.owed.is_empty() { self.machine.offer(driven, now) } else { None }
    }

    pub(super) fn showing(&self, now: Now) -> Shown {
        let (machine, driven) = (&self.machine, self.is_driven());
        let offer = self.offer(now).map(|offer| (offer.anchor, offer.ask_after));
        let usable = offer.is_some() || machine.has_usable(None, now);
        Shown { login: machine.login_id(), generation: machine.generation(), usable, offer, driven }
    }
}
