//! The decision machine: every branch on time, generation, epoch, class, backoff, storm guard or schedule.
//!
//! A [`Machine`] is a value. It reads no clock, draws no number, takes no lock and waits for nothing: time and
//! randomness are arguments, and it knows a flight only by its [`FlightId`] and a token only by its [`Generation`].
//! The engine asks and obeys:
//!
//! * **somebody wants a token**: [`Machine::usable`], [`Machine::refused`], [`Machine::force`] answer with a
//!   [`Decision`]: use this, join the flight, start a flight, wait, or be refused;
//! * **time has passed**: [`Machine::tick`] says what to start and when to ask again ([`Tick`]);
//! * **the store was read**: [`Machine::reconcile`] says whether to adopt, to present, or to stop ([`Reconcile`]);
//! * **a flight has ended**: [`Machine::land`] says what to publish and what to tell ([`Verdict`]);
//! * **the user acts**: [`Machine::login`], [`Machine::logout`], [`Machine::close`].
//!
//! `now` must not go back on its boot clock; if it does, the machine waits longer and nothing breaks.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight_core::Now;
//! use tokenflight_machine::{Decision, Login, Machine, Policy};
//!
//! let at = |seconds| Now::new(Duration::from_secs(seconds), Duration::from_secs(1_700_000_000 + seconds));
//! let mut machine = Machine::new(Policy::default())?;
//! machine.login(Login::new(Some(Duration::from_secs(100))), at(0), 0);
//! assert!(matches!(machine.usable(at(1)), Decision::Use { .. }));
//! // Past the expiry somebody has to fly, and everybody else joins.
//! let Decision::Start(plan) = machine.usable(at(101)) else { panic!("expected a flight") };
//! assert!(matches!(machine.usable(at(101)), Decision::Join { id, .. } if id == plan.id));
//! # Ok::<_, tokenflight_machine::PolicyError>(())
//! ```

mod ask;
mod backoff;
mod decision;
mod land;
mod lasting;
mod life;
mod nap;
mod policy;
pub mod present;
mod reconcile;
mod storm;
mod tick;

use self::{backoff::Backoff, life::Life, storm::Storms};
pub use self::{
    decision::{
        Beside, Decision, FlightId, FlightPlan, Found, Landing, Login, Obtained, Offer, OriginId, Publish, Reconcile,
        Refused, Tick, Verdict,
    },
    nap::Nap,
    policy::{Policy, PolicyError},
    storm::Span,
};
use std::{sync::Arc, time::Duration};
use tokenflight_core::{Epoch, Error, ErrorKind, Generation, Now, grant::Reason};

/// The decision machine of one session; see the [module documentation](self).
#[derive(Clone, Debug)]
pub struct Machine {
    /// Shared, because whoever asks the machine has it too, and it is large.
    policy: Arc<Policy>,
    epoch: Epoch,
    generation: Generation,
    /// See [`FlightPlan`].
    ahead: u64,
    /// Which generations have had the current access token.
    span: Span,
    phase: Phase,
    flight: Option<Flying>,
    /// Number of flights started; the next one's id.
    flights: u64,
    /// Guards the authorization server against us.
    backoff: Backoff,
    /// Guards the store; there while something is not stored.
    unsaved: Option<Backoff>,
    /// There while the stored refresh token may have been spent by an attempt of ours.
    unsure: Option<Unsure>,
    /// When the last token response came, on the boot clock (R-330).
    answered: Option<Duration>,
    /// When a forced refresh last skipped the waiting time, on the boot clock (R-330).
    forced: Option<Duration>,
    /// After a suspend, nothing starts by itself before this, on the boot clock (R-314).
    resumed: Option<Duration>,
    /// How long the last successful token request took (R-321).
    latency: Duration,
    /// Whether this login was told that nothing is renewed ahead of need (R-321).
    warned: bool,
    storms: Storms,
    closing: bool,
    fresh_refused: u64,
}

/// Where the session stands.
#[derive(Clone, Debug)]
enum Phase {
    /// The store has not been read yet.
    Unloaded,
    /// There is a token, usable or not.
    Active(Life),
    /// Logged out, ended, or never logged in; only a login, here or elsewhere, leaves this.
    Over(Error),
}

/// The flight in progress.
#[derive(Clone, Copy, Debug)]
struct Flying {
    id: FlightId,
    reason: Reason,
    /// On the boot clock.
    deadline: Duration,
}

/// What an ambiguous answer leaves behind (R-215).
#[derive(Clone, Copy, Debug)]
struct Unsure {
    /// When the first ambiguous attempt can have reached the server, on the boot clock.
    since: Duration,
    /// Presentations of the same refresh token after the first.
    replays: u32,
}

impl Machine {
    /// A machine that knows nothing yet.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the setting that makes no sense.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Result<Self, PolicyError> {
        let policy = policy.into();
        policy.check()?;
        Ok(Self {
            policy,
            epoch: Epoch::default(),
            generation: Generation::default(),
            ahead: 0,
            span: Span { since: Generation::default(), adopted: Generation::default() },
            phase: Phase::Unloaded,
            flight: None,
            flights: 0,
            backoff: Backoff::default(),
            unsaved: None,
            unsure: None,
            answered: None,
            forced: None,
            resumed: None,
            latency: Duration::ZERO,
            warned: false,
            storms: Storms::default(),
            closing: false,
            fresh_refused: 0,
        })
    }

    /// The settings.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Log-ins and log-outs so far.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Token sets adopted so far.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// The first generation that had the current access token: a server that gives the same one again does not make it
    /// another (R-225).
    #[must_use]
    pub const fn since(&self) -> Generation {
        self.span.since
    }

    /// Since when the current access token has been here, for [`repeated`](Self::repeated).
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The flight in progress.
    #[must_use]
    pub fn flight(&self) -> Option<FlightId> {
        self.flight.map(|flying| flying.id)
    }

    /// Why there is no session, if there is none.
    #[must_use]
    pub const fn over(&self) -> Option<&Error> {
        match &self.phase {
            Phase::Over(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the store has not been read yet, and nobody has logged in.
    #[must_use]
    pub const fn is_unloaded(&self) -> bool {
        matches!(self.phase, Phase::Unloaded)
    }

    /// Whether a token is there that no clock and no server has declared dead.
    #[must_use]
    pub fn has_usable(&self, now: Now) -> bool {
        matches!(&self.phase, Phase::Active(life) if life.usable(now))
    }

    /// Whether the current token had run out by then. One without a lifetime, or with a lifetime of zero, never has: it is
    /// good for those who waited for it (R-311).
    #[must_use]
    pub fn was_spent(&self, by: Now) -> bool {
        let Phase::Active(life) = &self.phase else { return false };
        life.expired(by) && life.lifetime().is_some_and(|lifetime| !lifetime.is_zero())
    }

    /// Whether something waits to be stored.
    #[must_use]
    pub const fn has_unsaved(&self) -> bool {
        self.unsaved.is_some()
    }

    /// Whether [`close`](Self::close) was called.
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        self.closing
    }

    /// How often a server refused a token that was just issued (R-127).
    #[must_use]
    pub const fn fresh_refused(&self) -> u64 {
        self.fresh_refused
    }

    /// What may be handed out without asking again, and until when; `None` if every request has to ask.
    #[must_use]
    pub fn offer(&self, now: Now) -> Option<Offer> {
        let Phase::Active(life) = &self.phase else { return None };
        if !life.usable(now) {
            return None;
        }
        // An unsure refresh token is not presented while the access token lasts, so the lead means nothing then.
        let ask_after = match self.unsure {
            Some(_) => life.lifetime(),
            None => life.due().or_else(|| life.lifetime()),
        };
        Some(Offer {
            epoch: self.epoch,
            generation: self.generation,
            anchor: life.anchor(),
            ask_after,
            watched: self.watches(),
        })
    }

    /// Whether [`accepted`](Self::accepted) has anything to forget.
    #[must_use]
    pub const fn watches(&self) -> bool {
        !self.storms.is_empty()
    }

    /// A server accepted a token: the storm guard forgets its origin (R-635).
    pub fn accepted(&mut self, origin: OriginId) {
        self.storms.calm(origin);
    }

    /// From now on nothing starts except what stores something.
    pub const fn close(&mut self) {
        self.closing = true;
    }

    fn closed() -> Error {
        Error::new(ErrorKind::Closed)
    }
}
