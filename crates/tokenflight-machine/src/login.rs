//! What a login, a logout, a reload and a shutdown change.

use tokenflight_core::{Error, ErrorKind, LoginId, Now, store::StoredTokens};

use super::{
    Machine, Role, Times, Token,
    life::Life,
    machine::{Held, Phase},
    rejected::Rejected,
    unsaved::Unsaved,
};

impl<T: Token> Machine<T> {
    /// The tokens of a login. A refresh in progress goes on, but for no caller.
    pub fn login(&mut self, token: Option<T>, times: Times, tokens: StoredTokens, now: Now, random: u64) {
        let renewable = tokens.refresh.is_some();
        self.begin(Some(tokens), now);
        self.generation = self.generation.next();
        self.used = (true, false);
        let life = Life::new(&self.rules.policy, times, times.issued(), self.latency, random);
        let (rejected, in_doubt) = (Rejected::default(), None);
        self.set_phase(Phase::Active(Held { token, life, renewable, rejected, in_doubt }));
        (self.counts.login, self.counts.source) = (self.login, None);
    }

    /// The common session has begun this login: this audience's tokens are of an earlier one, and
    /// there are none yet. Whether that was news: what is older than this audience knows is not.
    pub fn follow(&mut self, login: LoginId, now: Now) -> bool {
        if login <= self.followed {
            return false;
        }
        self.begin(None, now);
        self.followed = login;
        self.used = (true, false);
        let life = Life::new(&self.rules.policy, Times::new(now, None), Some(now.boot), self.latency, 0);
        let (rejected, in_doubt) = (Rejected::default(), None);
        self.set_phase(Phase::Active(Held { token: None, life, renewable: true, rejected, in_doubt }));
        true
    }

    /// The common session was logged out, and this is its login now. Returns whether that was news.
    pub fn follow_out(&mut self, login: LoginId, now: Now) -> bool {
        if login < self.followed {
            return false;
        }
        self.followed = login;
        let news = !self.is_logged_out();
        if news {
            self.logout(now);
        }
        news
    }

    /// A logout.
    pub fn logout(&mut self, now: Now) {
        self.begin(None, now);
        self.logout = self.login;
        self.set_phase(Phase::Over(Error::new(ErrorKind::LoggedOut)));
    }

    /// The next caller reads the store again. Only lifts an end; what lives of an access token
    /// stays until then. A token that has run out and cannot be renewed is an end too.
    pub fn reload(&mut self, now: Now) {
        let (held, error) = match &self.phase {
            Phase::Ended(held, error) => (held.clone(), error.clone()),
            Phase::Over(error) => (None, error.clone()),
            Phase::Active(held) if !self.renewable(held) && !held.lives(now) => {
                (None, Error::new(ErrorKind::NoRefreshToken))
            }
            Phase::Unloaded { .. } | Phase::Active(_) => return,
        };
        if self.unsaved.is_none() {
            self.set_phase(Phase::Unloaded { was: Some(error), held });
            let last = self.backoff.reset();
            self.discard(last);
        }
    }

    /// From now on nothing starts except what stores something.
    pub const fn close(&mut self) {
        self.closing = true;
    }

    /// What was in progress for the login before goes on without this session.
    fn begin(&mut self, tokens: Option<StoredTokens>, now: Now) {
        self.login = self.login.next();
        self.resets = self.resets.saturating_add(1);
        self.refresh = None;
        self.write = None;
        self.answered = None;
        self.forced = None;
        self.unsent = None;
        self.longest = None;
        self.storms.clear();
        let before = self.unsaved.take();
        if before.as_ref().is_some_and(|before| before.error().is_some()) {
            self.counts.overtaken = self.counts.overtaken.saturating_add(1);
        }
        let last = self.backoff.reset();
        self.discard(last);
        if self.rules.role == Role::Audience {
            return;
        }
        let (unsaved, last) = Unsaved::reset(tokens, self.known.clone(), before, now);
        self.unsaved = Some(Box::new(unsaved));
        self.discard(last);
    }
}
