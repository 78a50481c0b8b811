use std::{sync::Arc, time::Duration};

use tokenflight_core::{
    Error, ErrorKind, Generation, LoginId, Now, Source,
    grant::Reason,
    store::{Entry, Owner},
};

use super::{
    OriginId, Plan, Policy, Role, Rules, Work, WorkId, backoff::Backoff, counts::Counts, life::Life, looks::Looks,
    rejected::Rejected, storm::Storms, unsaved::Unsaved,
};

/// What a token is to the machine: something that can be told from another one.
pub trait Token: Clone {
    /// Whether both are the same access token.
    fn is_same(&self, other: &Self) -> bool;
}

impl Token for u32 {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

/// The decision machine of one session; see the [crate documentation](super).
#[derive(Clone, Debug)]
pub struct Machine<T> {
    pub(super) rules: Arc<Rules>,
    pub(super) login: LoginId,
    /// The login of the common session that the tokens of an audience belong to.
    pub(super) followed: LoginId,
    /// The login that the last logout of this process began; what is older was logged out.
    pub(super) logout: LoginId,
    /// Logins and logouts of this process: a caller that waits is pinned to the login there was.
    pub(super) resets: u64,
    pub(super) generation: Generation,
    pub(super) phase: Phase<T>,
    /// The life of the token that lasts longest of all that were obtained for audiences, if they
    /// have this session in common: each has a token of its own.
    pub(super) longest: Option<Box<Life>>,
    /// What was last seen in the store.
    pub(super) known: Option<Arc<Entry>>,
    /// What is not stored yet.
    pub(super) unsaved: Option<Box<Unsaved>>,
    pub(super) refresh: Option<Running>,
    /// The write in progress.
    pub(super) write: Option<WorkId>,
    /// Number of refreshes started; the next one's id.
    pub(super) refreshes: u64,
    /// Guards the authorization server against this session.
    pub(super) backoff: Backoff,
    /// What callers do meanwhile.
    pub(super) looks: Looks,
    /// When the last token response came, on the boot clock.
    pub(super) answered: Option<Duration>,
    /// When a forced refresh last skipped the waiting time, on the boot clock.
    pub(super) forced: Option<Duration>,
    /// Nothing starts by itself before this, on the boot clock, because of a suspend.
    pub(super) resting: Duration,
    /// When the driver began, on the boot clock.
    pub(super) driven: Option<Duration>,
    /// How long the last successful token request took.
    pub(super) latency: Duration,
    /// An attempt of this session whose claim may still be stored, and that has sent nothing.
    pub(super) unsent: Option<Box<Owner>>,
    /// Whether the current token set was asked for, and the one before it.
    pub(super) used: (bool, bool),
    pub(super) storms: Storms,
    pub(super) closing: bool,
    pub(super) counts: Counts,
    discarded: Vec<Error>,
}

/// Where the session stands.
#[derive(Clone, Debug)]
pub(super) enum Phase<T> {
    /// The store has not been read yet, or is to be read again.
    Unloaded {
        /// Why the session was over before.
        was: Option<Error>,
        /// What lives of it meanwhile.
        held: Option<Held<T>>,
    },
    /// There are tokens, usable or not.
    Active(Held<T>),
    /// The authorization server ended it. The access token may be usable until its own end.
    Ended(Option<Held<T>>, Error),
    /// Logged out, or never logged in.
    Over(Error),
}

/// The current tokens.
#[derive(Clone, Debug)]
pub(super) struct Held<T> {
    /// The access token; none if the login came with a refresh token alone.
    pub(super) token: Option<T>,
    pub(super) life: Life,
    /// Whether there is something to renew it with.
    pub(super) renewable: bool,
    pub(super) rejected: Rejected,
    /// Set if the refresh token may have been presented without a report.
    pub(super) in_doubt: Option<InDoubt>,
}

/// What an attempt without a report leaves behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct InDoubt {
    /// When the first such attempt can have reached the server, on the boot clock.
    pub(super) since: Duration,
    /// Presentations of the same refresh token after the first.
    pub(super) again: u32,
}

/// The refresh in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) id: WorkId,
    /// On the boot clock.
    pub(super) deadline: Duration,
}

/// What may be handed out without asking the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// The current login.
    pub login: LoginId,
    /// The current generation.
    pub generation: Generation,
    /// From when its lifetime counts.
    pub anchor: Now,
    /// How long after `anchor` to ask again, unless a driver watches; never without a lifetime.
    pub ask_after: Option<Duration>,
}

impl<T> Held<T> {
    /// Whether there is a token that has not run out.
    pub(super) fn lives(&self, now: Now) -> bool {
        self.token.is_some() && !self.life.expired(now)
    }

    /// Whether it can be handed to a caller for this origin.
    pub(super) fn usable(&self, origin: Option<OriginId>, now: Now) -> bool {
        self.lives(now) && !self.rejected.by(origin)
    }
}

impl<T: Token> Machine<T> {
    /// A machine that knows nothing yet.
    #[must_use]
    pub fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            login: LoginId::default(),
            followed: LoginId::default(),
            logout: LoginId::default(),
            resets: 0,
            generation: Generation::default(),
            phase: Phase::Unloaded { was: None, held: None },
            longest: None,
            known: None,
            unsaved: None,
            refresh: None,
            write: None,
            refreshes: 0,
            backoff: Backoff::default(),
            looks: Looks::default(),
            answered: None,
            forced: None,
            resting: Duration::ZERO,
            driven: None,
            latency: Duration::ZERO,
            unsent: None,
            used: (true, false),
            storms: Storms::default(),
            closing: false,
            counts: Counts::default(),
            discarded: Vec::new(),
        }
    }

    /// By what it decides.
    #[must_use]
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.rules.policy
    }

    /// The current login.
    #[must_use]
    pub const fn login_id(&self) -> LoginId {
        self.login
    }

    /// How many logins and logouts there were in this process.
    #[must_use]
    pub const fn resets(&self) -> u64 {
        self.resets
    }

    /// Distinct access tokens adopted so far.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// What was last seen in the store.
    #[must_use]
    pub fn known(&self) -> Option<&Arc<Entry>> {
        self.known.as_ref()
    }

    /// The current token, usable or not.
    #[must_use]
    pub fn token(&self) -> Option<&T> {
        self.held()?.token.as_ref()
    }

    pub(super) const fn held(&self) -> Option<&Held<T>> {
        match &self.phase {
            Phase::Active(held) | Phase::Ended(Some(held), _) | Phase::Unloaded { held: Some(held), .. } => Some(held),
            Phase::Unloaded { held: None, .. } | Phase::Ended(None, _) | Phase::Over(_) => None,
        }
    }

    /// Which work is in progress.
    #[must_use]
    pub fn running(&self, work: Work) -> Option<WorkId> {
        match work {
            Work::Refresh => self.refresh.map(|running| running.id),
            Work::Write => self.write,
        }
    }

    /// Why the session is over, if it is: it gives no token any more, except perhaps its last one.
    #[must_use]
    pub const fn over(&self) -> Option<&Error> {
        match &self.phase {
            Phase::Over(error) | Phase::Ended(_, error) => Some(error),
            Phase::Unloaded { .. } | Phase::Active(_) => None,
        }
    }

    /// Whether there was a logout, and no login since.
    #[must_use]
    pub fn is_logged_out(&self) -> bool {
        matches!(&self.phase, Phase::Over(error) if *error.kind() == ErrorKind::LoggedOut)
    }

    /// Whether the store has not been read yet, and there was no login.
    #[must_use]
    pub const fn is_unloaded(&self) -> bool {
        matches!(self.phase, Phase::Unloaded { .. })
    }

    /// Whether it is known which login there is, or that there is none: that was stored, or came or
    /// went here. An end that is lifted changes nothing about that.
    #[must_use]
    pub const fn knows_login(&self) -> bool {
        !matches!(self.phase, Phase::Unloaded { was: None, .. })
    }

    /// Whether a token is there that can be handed to a caller for this origin.
    #[must_use]
    pub fn has_usable(&self, origin: Option<OriginId>, now: Now) -> bool {
        self.held().is_some_and(|held| held.usable(origin, now))
    }

    /// Whether the current token had run out by then. One without a lifetime, or with a lifetime of
    /// zero, never has: it is good for those who waited for it.
    #[must_use]
    pub fn was_spent(&self, by: Now) -> bool {
        let Some(held) = self.held() else { return false };
        held.life.expired(by) && held.life.lifetime().is_some_and(|lifetime| !lifetime.is_zero())
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

    /// How often a server refused a token that was just issued.
    #[must_use]
    pub const fn fresh_refused(&self) -> u64 {
        self.counts.fresh_refused
    }

    /// The attempt here that is known to have sent nothing, and whose claim may still be stored.
    #[must_use]
    pub fn unsent(&self) -> Option<Owner> {
        self.unsent.as_deref().copied()
    }

    /// An attempt has left its claim behind (`Some`), or its claim is gone (`None`).
    pub fn set_unsent(&mut self, owner: Option<Owner>) {
        self.unsent = owner.map(Box::new);
    }

    /// What may be handed out without asking, and until when; `None` if every request has to ask.
    ///
    /// Without a driver (`driven`), requests keep moving what is in progress, so they have to ask
    /// while something is.
    #[must_use]
    pub fn offer(&self, driven: bool, now: Now) -> Option<Offer> {
        let held = self.held().filter(|held| held.lives(now) && held.rejected.is_empty())?;
        if !driven && (self.unsaved.is_some() || self.refresh.is_some()) {
            return None;
        }
        let (login, generation, anchor) = (self.login, self.generation, held.life.anchor());
        Some(Offer { login, generation, anchor, ask_after: held.life.lifetime() })
    }

    /// A token was handed out: the session is in use.
    pub const fn note_use(&mut self) {
        self.used.0 = true;
    }

    /// Whether [`take_discarded`](Self::take_discarded) has anything to hand over.
    #[must_use]
    pub const fn has_discarded(&self) -> bool {
        !self.discarded.is_empty()
    }

    /// What was let go and may hold the user's code. To be dropped where no lock is held.
    #[must_use]
    pub fn take_discarded(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.discarded)
    }

    pub(super) fn discard(&mut self, error: Option<Error>) {
        self.discarded.extend(error);
    }

    pub(super) fn set_phase(&mut self, phase: Phase<T>) {
        match std::mem::replace(&mut self.phase, phase) {
            Phase::Over(error) | Phase::Ended(_, error) => self.discard(Some(error)),
            Phase::Unloaded { was, .. } => self.discard(was),
            Phase::Active(_) => {}
        }
    }

    /// Takes the place of the refresh.
    pub(super) fn start(&mut self, reason: Reason, now: Now) -> Plan {
        let id = WorkId(self.refreshes);
        self.refreshes = self.refreshes.saturating_add(1);
        let deadline = now.boot.saturating_add(self.rules.refresh_limit());
        self.refresh = Some(Running { id, deadline });
        self.no_look();
        let own = self.held().filter(|held| held.lives(now) && held.rejected.is_empty());
        let lives = self.longest.as_deref().filter(|life| !life.expired(now));
        Plan {
            id,
            reason,
            login: self.login,
            generation: self.generation,
            known: self.known.clone(),
            usable: own.map(|held| &held.life).into_iter().chain(lives).map(|life| life.left(now)).max(),
            started: now,
            looks: false,
        }
    }

    /// Adopts what was obtained or found. Returns whether it is another access token than before.
    pub(super) fn adopt(&mut self, token: Option<T>, life: Life, renewable: bool, source: Source) -> bool {
        let old = self.held();
        let same = match (&token, old.and_then(|held| held.token.as_ref())) {
            (Some(new), Some(old)) => new.is_same(old),
            (None, _) => true,
            (Some(_), None) => false,
        };
        if !same {
            self.generation = self.generation.next();
            self.used = (false, self.used.0);
        }
        if self.rules.role == Role::Common && life.lasts_longer(self.longest.as_deref()) {
            self.longest = Some(Box::new(life));
        }
        let rejected = Rejected::default();
        self.set_phase(Phase::Active(Held { token, life, renewable, rejected, in_doubt: None }));
        // What another process has obtained does not lift the time that the server has named.
        if source == Source::Server || !self.backoff.is_told() {
            let last = self.backoff.reset();
            self.discard(last);
        }
        self.counts.adopted = self.counts.adopted.saturating_add(1);
        (self.counts.login, self.counts.source) = (self.login, Some(source));
        !same
    }
}
