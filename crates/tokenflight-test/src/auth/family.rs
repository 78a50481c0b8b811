//! The authorization server's books: every token it issued and its fate. No lock, no clock, no I/O.

use std::{collections::HashMap, time::Duration};

use serde_json::{Map, Value};
use tokenflight_core::Now;

use super::{
    Announce, Answer, Counts, Grace, Report, Reuse, Reused, Rotation, Verdict,
    config::Config,
    report::{Death, Login},
};

pub(super) struct Book {
    config: Config,
    pub(super) random: fastrand::Rng,
    families: Vec<Family>,
    refresh: HashMap<String, Refresh>,
    access: HashMap<String, Access>,
    /// What cannot be booked on a family.
    strangers: Counts,
    unknown: u64,
}

struct Family {
    label: String,
    /// The client that its refresh tokens are bound to.
    client: Option<String>,
    counts: Counts,
    killed: Option<(Now, Death)>,
    reuses: Vec<Reused>,
    /// The access token of the newest answer.
    newest_access: String,
}

struct Refresh {
    family: usize,
    step: usize,
    /// Requests with this token that have arrived and are not over.
    under_way: u32,
    spent: Option<Spent>,
}

struct Spent {
    at: Duration,
    answer: Answer,
    successors: Vec<String>,
    /// The access tokens that came with them.
    accesses: Vec<String>,
    answer_lost: bool,
}

struct Access {
    family: usize,
    expires: Duration,
    revoked: bool,
    /// It was good for a request.
    used: bool,
}

impl Book {
    pub(super) fn new(config: Config) -> Self {
        Self {
            random: fastrand::Rng::with_seed(config.seed),
            config,
            families: Vec::new(),
            refresh: HashMap::new(),
            access: HashMap::new(),
            strangers: Counts::default(),
            unknown: 0,
        }
    }

    /// Starts a family and issues its first pair.
    pub(super) fn login(&mut self, label: Option<&str>, client: Option<&str>, now: Now) -> Answer {
        let family = self.families.len();
        let label = label.map_or_else(|| format!("login-{}", family + 1), str::to_owned);
        self.families.push(Family {
            label,
            client: client.or_else(|| self.config.clients.first().map(|client| &*client.id)).map(str::to_owned),
            counts: Counts::default(),
            killed: None,
            reuses: Vec::new(),
            newest_access: String::new(),
        });
        let refresh = self.new_refresh(family, 0);
        let access = self.new_access(family, now);
        self.pair(&access, Some(&refresh))
    }

    /// A request arrived; [`Self::left`] must follow.
    pub(super) fn arrived(&mut self, token: &str) {
        let Some(entry) = self.refresh.get_mut(token) else {
            self.strangers.token_requests += 1;
            self.unknown += 1;
            return;
        };
        let counts = &mut self.families[entry.family].counts;
        counts.token_requests += 1;
        counts.overlapping += u64::from(entry.under_way > 0);
        entry.under_way += 1;
    }

    /// A request is over: answered, cut, or its client has gone away. `lost`: a successful answer
    /// did not arrive.
    pub(super) fn left(&mut self, token: &str, lost: bool) {
        let Some(entry) = self.refresh.get_mut(token) else { return };
        entry.under_way = entry.under_way.saturating_sub(1);
        if lost {
            self.families[entry.family].counts.answers_lost += 1;
            if let Some(spent) = &mut entry.spent {
                spent.answer_lost = true;
            }
        }
    }

    /// Whether these are the credentials of a client (RFC 6749 §5.2: looked at before any token),
    /// and which one it is.
    #[cfg(feature = "net")]
    pub(super) fn authenticate(&self, id: Option<&str>, secret: Option<&str>) -> Result<Option<String>, Answer> {
        if self.config.clients.is_empty() {
            return Ok(None);
        }
        let known = self.config.clients.iter().find(|client| Some(&*client.id) == id);
        match known.filter(|client| client.secret.as_deref() == secret) {
            Some(client) => Ok(Some(client.id.clone())),
            None => Err(Answer::refusal_with(401, "invalid_client", "unknown client, or wrong credentials")),
        }
    }

    /// The protocol step: what is answered to this refresh token of this client, now, and whether
    /// that was a reuse.
    pub(super) fn present(&mut self, token: &str, client: Option<&str>, now: Now) -> (Answer, Option<Reused>) {
        let Some(entry) = self.refresh.get(token) else {
            self.strangers.refused += 1;
            return (Answer::refusal("invalid_grant", "unknown refresh token"), None);
        };
        let (family, step) = (entry.family, entry.step);
        if client.is_some() && self.families[family].client.as_deref() != client {
            return (self.refuse(family, "the refresh token was issued to another client"), None);
        }
        let killed = self.families[family].killed.is_some();
        match &entry.spent {
            None if !killed => (self.renew(token, family, step, now), None),
            Some(spent) if !killed && self.in_grace(spent, now) => (self.repeat(token, family, step, now), None),
            Some(spent) => {
                let reused = Reused {
                    login: family + 1,
                    label: self.families[family].label.clone(),
                    rotation: step,
                    answer_lost: spent.answer_lost,
                    ended: !killed && self.config.reuse != Reuse::Refuse,
                    at: now,
                };
                (self.reused(family, reused.clone()), Some(reused))
            }
            None => (self.refuse(family, "the session was revoked"), None),
        }
    }

    fn renew(&mut self, token: &str, family: usize, step: usize, now: Now) -> Answer {
        self.families[family].counts.rotations += 1;
        let access = self.next_access(family, now);
        match self.config.rotation {
            Rotation::Repeat => self.pair(&access, Some(token)),
            Rotation::Omit => self.pair(&access, None),
            Rotation::Rotate => {
                let successor = self.new_refresh(family, step + 1);
                let answer = self.pair(&access, Some(&successor));
                let spent = Spent {
                    at: now.boot,
                    answer: answer.clone(),
                    successors: vec![successor],
                    accesses: vec![access],
                    answer_lost: false,
                };
                if let Some(entry) = self.refresh.get_mut(token) {
                    entry.spent = Some(spent);
                }
                answer
            }
        }
    }

    /// Only the immediate predecessor may come back: none of its successors has been spent.
    fn in_grace(&self, spent: &Spent, now: Now) -> bool {
        let unspent = |token: &String| self.refresh.get(token).is_none_or(|entry| entry.spent.is_none());
        let unused = |token: &String| self.access.get(token).is_none_or(|access| !access.used);
        let allowed = match self.config.grace {
            Grace::None => false,
            Grace::SamePair(window) | Grace::NewPair(window) => now.boot.saturating_sub(spent.at) <= window,
            Grace::UntilUsed | Grace::UntilUsedReplacing => spent.accesses.iter().all(unused),
        };
        allowed && spent.successors.iter().all(unspent)
    }

    fn repeat(&mut self, token: &str, family: usize, step: usize, now: Now) -> Answer {
        self.families[family].counts.reuses_in_grace += 1;
        let issued = matches!(self.config.grace, Grace::NewPair(_) | Grace::UntilUsedReplacing).then(|| {
            let access = self.next_access(family, now);
            let successor = self.new_refresh(family, step + 1);
            (self.pair(&access, Some(&successor)), successor, access)
        });
        let replacing = self.config.grace == Grace::UntilUsedReplacing;
        let Some(spent) = self.refresh.get_mut(token).and_then(|entry| entry.spent.as_mut()) else {
            return self.refuse(family, "unknown refresh token");
        };
        // This answer makes up for the lost one, unless it is lost as well.
        spent.answer_lost = false;
        let Some((answer, successor, access)) = issued else { return spent.answer.clone() };
        let replaced = if replacing { std::mem::take(&mut spent.successors) } else { Vec::new() };
        spent.successors.push(successor);
        spent.accesses.push(access);
        for dead in replaced {
            self.refresh.remove(&dead);
        }
        self.families[family].counts.rotations += 1;
        answer
    }

    fn reused(&mut self, family: usize, reused: Reused) -> Answer {
        let now = reused.at;
        self.families[family].counts.presented_twice += 1;
        self.families[family].reuses.push(reused);
        match self.config.reuse {
            Reuse::Refuse => {}
            Reuse::KillFamily => self.kill(family, Death::Reuse, false, now),
            Reuse::KillFamilyAndAccess => self.kill(family, Death::Reuse, true, now),
        }
        self.refuse(family, "the refresh token was used before")
    }

    fn refuse(&mut self, family: usize, description: &str) -> Answer {
        self.families[family].counts.refused += 1;
        Answer::refusal("invalid_grant", description)
    }

    fn kill(&mut self, family: usize, why: Death, access_too: bool, now: Now) {
        self.families[family].killed.get_or_insert((now, why));
        if access_too {
            self.access.values_mut().filter(|access| access.family == family).for_each(|access| access.revoked = true);
        }
    }

    /// Kills every living family with this label, access tokens too. How many there were.
    pub(super) fn revoke_label(&mut self, label: &str, now: Now) -> usize {
        let living = |family: &Family| family.label == label && family.killed.is_none();
        let found: Vec<_> = (0..self.families.len()).filter(|&family| living(&self.families[family])).collect();
        for &family in &found {
            self.kill(family, Death::Revoked, true, now);
        }
        found.len()
    }

    /// Kills the family of this refresh token (RFC 7009).
    pub(super) fn revoke_refresh(&mut self, token: &str, now: Now) -> bool {
        let family = self.refresh.get(token).map(|entry| entry.family);
        if let Some(family) = family {
            self.kill(family, Death::Revoked, true, now);
        }
        family.is_some()
    }

    pub(super) fn revoke_access(&mut self, token: &str) -> bool {
        let entry = self.access.get_mut(token);
        entry.map(|access| access.revoked = true).is_some()
    }

    pub(super) fn expire_all_access(&mut self, now: Now) {
        self.access.values_mut().for_each(|access| access.expires = access.expires.min(now.boot));
    }

    /// Judges an access token for a resource server, and counts it.
    pub(super) fn check(&mut self, token: &str, now: Now) -> Verdict {
        let Some(access) = self.access.get_mut(token) else {
            self.unknown += 1;
            return Verdict::Unknown;
        };
        let counts = &mut self.families[access.family].counts;
        if access.revoked {
            counts.revoked_checks += 1;
            Verdict::Revoked
        } else if now.boot >= access.expires {
            counts.expired_checks += 1;
            Verdict::Expired
        } else {
            counts.valid_checks += 1;
            access.used = true;
            Verdict::Valid
        }
    }

    pub(super) fn label_of(&self, token: &str) -> Option<&str> {
        let refresh = self.refresh.get(token).map(|entry| entry.family);
        let family = refresh.or_else(|| self.access.get(token).map(|access| access.family))?;
        Some(&self.families[family].label)
    }

    pub(super) fn report(&self) -> Report {
        let mut total = self.strangers;
        let mut logins = Vec::with_capacity(self.families.len());
        for family in &self.families {
            total.add(&family.counts);
            logins.push(Login {
                label: family.label.clone(),
                counts: family.counts,
                ended: family.killed,
                reuses: family.reuses.clone(),
            });
        }
        Report { total, unknown: self.unknown, logins }
    }

    fn new_refresh(&mut self, family: usize, step: usize) -> String {
        let odd = if self.config.odd_tokens { "+/=&%2B ~" } else { "" };
        let token = format!("rt-{}-{step}-{:032x}{odd}", family + 1, self.random.u128(..));
        self.refresh.insert(token.clone(), Refresh { family, step, under_way: 0, spent: None });
        token
    }

    /// The access token of a refresh: another one, or the old string with another lifetime.
    fn next_access(&mut self, family: usize, now: Now) -> String {
        if self.config.rotation_revokes_access {
            self.access.values_mut().filter(|access| access.family == family).for_each(|access| access.revoked = true);
        }
        if self.config.same_access {
            let same = self.families[family].newest_access.clone();
            if let Some(access) = self.access.get_mut(&same) {
                access.expires = now.boot.saturating_add(self.config.lifetime);
                return same;
            }
        }
        self.new_access(family, now)
    }

    fn new_access(&mut self, family: usize, now: Now) -> String {
        let token = format!("at-{}-{:032x}", family + 1, self.random.u128(..));
        let expires = now.boot.saturating_add(self.config.lifetime);
        self.access.insert(token.clone(), Access { family, expires, revoked: false, used: false });
        self.families[family].newest_access.clone_from(&token);
        token
    }

    fn pair(&self, access: &str, refresh: Option<&str>) -> Answer {
        let mut body = Map::new();
        body.insert("access_token".into(), access.into());
        body.insert("token_type".into(), "Bearer".into());
        if let Some(refresh) = refresh {
            body.insert("refresh_token".into(), refresh.into());
        }
        let seconds = match self.config.announce {
            Announce::Real => Some(self.config.lifetime.as_secs_f64()),
            Announce::Nothing => None,
            Announce::Seconds(seconds) => Some(seconds),
        };
        if let Some(seconds) = seconds {
            body.insert("expires_in".into(), number(seconds));
        }
        Answer::new(200, Value::Object(body).to_string(), None)
    }
}

/// Whole seconds as servers write them; the rest as a fraction.
fn number(seconds: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if seconds.fract() == 0.0 && seconds.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation)] // Checked above.
        let whole = seconds as i64;
        whole.into()
    } else {
        seconds.into()
    }
}
