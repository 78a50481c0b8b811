//! Logins and logouts: each begins an epoch, and what belongs to an older one counts no more.

use tokenflight_core::{
    Error, GrantError, RefreshToken, TokenSet,
    lease::{Reset, StoredTokens},
};
use tokenflight_machine::Login;

use super::{
    Token,
    slot::{Held, Inner, Slot},
};
use crate::{
    flight::{Flight, Pending},
    sync::lock,
};

impl Inner {
    /// Begins a new epoch with these tokens. The flight in progress goes on, for nobody.
    pub(crate) fn login(&self, set: &TokenSet) -> Result<(), Error> {
        let header = set.check().map_err(GrantError::config)?;
        let token = Token::new(set.access().clone(), header, set.granted_scope().map(str::to_owned));
        let random = self.parts.time.random();
        let mut login = Login::new(set.lifetime());
        login.refresh_in = set.refresh_hint();
        login.has_refresh_token = set.refresh().is_some();
        let (event, old) = self.change(|slot, now| {
            let event = slot.machine.login(login, now, random);
            let (epoch, generation) = (slot.machine.epoch(), slot.machine.generation());
            let stored = StoredTokens::from_set(set, now.wall, None).issued_by(self.parts.policy.issuer.as_deref());
            let reset = Reset::new(epoch, generation, Some(stored));
            let held = Held { token: token.numbered(&slot.machine), refresh: set.refresh().cloned() };
            (event, slot.begin(Some(held), Pending::reset(reset)))
        });
        self.leave(old.0);
        self.parts.teller.tell(&[event]);
        Ok(())
    }

    /// Begins a new epoch without tokens. Returns the refresh token it forgot and the flight that is still in progress.
    pub(crate) fn logout(&self) -> (Option<RefreshToken>, Option<Flight>) {
        let (event, (flight, held, _pending)) = self.change(|slot, _| {
            let event = slot.machine.logout();
            let reset = Reset::new(slot.machine.epoch(), slot.machine.generation().next(), None);
            (event, slot.begin(None, Pending::reset(reset)))
        });
        self.leave(flight.clone());
        self.parts.teller.tell(&[event]);
        (held.and_then(|held| held.refresh), flight)
    }

    /// Those who wait for a flight of an older epoch leave; the driver takes it to its end.
    fn leave(&self, flight: Option<Flight>) {
        let Some(flight) = flight else { return };
        flight.desert();
        let driver = lock(&self.slot).driver.clone();
        if let Some(driver) = driver {
            driver.adopt(flight);
        }
    }

    /// See `Machine::reload`.
    pub(crate) fn reload(&self) {
        self.change(|slot, _| {
            slot.machine.reload();
            slot.nudge = true;
        });
    }

    /// See `Machine::close`.
    pub(crate) fn close(&self) -> Option<Flight> {
        self.change(|slot, _| {
            slot.machine.close();
            slot.nudge = true;
            slot.flight.clone()
        })
    }
}

impl Slot {
    /// A new epoch. Returns what the old one leaves, to be dropped outside the lock.
    fn begin(&mut self, held: Option<Held>, pending: Pending) -> (Option<Flight>, Option<Held>, Option<Pending>) {
        self.nudge = true;
        let pending = pending.after(self.pending.as_ref());
        (self.flight.take(), std::mem::replace(&mut self.held, held), self.pending.replace(pending))
    }
}
