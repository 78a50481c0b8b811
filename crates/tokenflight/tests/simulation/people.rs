//! Those who use a session: what they do, and what they may expect.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokenflight::{Error, ErrorKind, FailureClass, Session, Time, Token};
use tokenflight_test::{AuthServer, ManualTime, Verdict};

use super::{judge::Judge, profile::Profile};

/// One process: its session, and what its users know.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) number: usize,
    pub(crate) session: Session,
    pub(crate) auth: AuthServer,
    pub(crate) time: ManualTime,
    pub(crate) judge: Arc<Judge>,
    pub(crate) profile: Profile,
    /// The first family whose tokens may be used: those of older logins are over (I-06).
    floor: Arc<AtomicU64>,
    /// Families so far, of all processes.
    families: Arc<AtomicU64>,
    /// The server ended something by itself.
    pub(crate) revoked: Arc<AtomicU64>,
    pub(crate) tokens: Arc<AtomicU64>,
}

impl Process {
    pub(crate) fn new(
        number: usize,
        session: Session,
        auth: &AuthServer,
        time: &ManualTime,
        judge: &Arc<Judge>,
        profile: &Profile,
    ) -> Self {
        Self {
            number,
            session,
            auth: auth.clone(),
            time: time.clone(),
            judge: Arc::clone(judge),
            profile: profile.clone(),
            floor: Arc::default(),
            families: Arc::default(),
            revoked: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// Whether others decide about the login too: another process, or one that died and took its knowledge along.
    pub(crate) fn has_company(&self) -> bool {
        self.profile.processes > 1 || self.number > 0
    }

    /// Another process of the same users.
    pub(crate) fn neighbour(&self, number: usize, session: Session) -> Self {
        Self { number, session, floor: Arc::default(), ..self.clone() }
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }

    fn wrong(&self, what: &str) {
        self.judge.wrong(format!("process {}: {what}", self.number));
    }

    /// Whether the session has been logged out by these users.
    pub(crate) fn logged_out(&self) -> bool {
        self.floor.load(Ordering::SeqCst) > self.families.load(Ordering::SeqCst)
    }

    pub(crate) async fn log_in(&self) {
        let set = self.auth.login();
        self.judge.issued(&set, self.time.now().boot);
        let family = self.families.fetch_add(1, Ordering::SeqCst) + 1;
        // Nothing is awaited before the session knows: both happen at the same moment.
        self.floor.store(family, Ordering::SeqCst);
        if let Err(error) = self.session.login(set).await {
            self.judge_error(&error);
        }
    }

    pub(crate) async fn log_out(&self) {
        self.floor.store(self.families.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
        if let Err(error) = self.session.logout().await {
            self.judge_error(&error);
        }
    }

    /// Wants tokens, uses them, and reports refusals, real ones and others.
    pub(crate) async fn request(self, rounds: usize, mut random: fastrand::Rng) {
        for _ in 0..rounds {
            self.sleep(self.profile.horizon.mul_f64(random.f64() * random.f64())).await;
            let Some(token) = self.ask().await else { continue };
            let verdict = self.auth.check(token.access().expose());
            if verdict != Verdict::Valid || random.u8(..) < 40 {
                self.newer_than(&token).await;
            }
        }
    }

    pub(crate) async fn force(self, after: Duration) {
        self.sleep(after).await;
        let before = self.session.state();
        match self.session.refresh().await {
            Ok(token) if token.generation() < before.generation => self.wrong("a forced refresh went back"),
            Ok(_) => {}
            Err(error) => self.judge_error(&error),
        }
    }

    async fn newer_than(&self, token: &Token) {
        match self.session.newer_than(token.generation()).await {
            Ok(newer) if newer.generation() <= token.generation() => self.wrong("the refused token came back"),
            Ok(_) => {}
            Err(error) => self.judge_error(&error),
        }
    }

    /// I-06, I-12, R-301: what is handed out is of this login, not older than what was published, and not expired.
    pub(crate) async fn ask(&self) -> Option<Token> {
        let (floor, before) = (self.floor.load(Ordering::SeqCst), self.session.state());
        let asked = self.time.now().boot;
        let token = match self.session.token().await {
            Ok(token) => token,
            Err(error) => {
                self.judge_error(&error);
                return None;
            }
        };
        self.tokens.fetch_add(1, Ordering::SeqCst);
        if token.generation() < before.generation || token.epoch() < before.epoch {
            self.wrong("a token older than the published one was handed out");
        }
        if self.profile.processes == 1 && family(&token) < floor {
            self.wrong("a token of a login that is over was handed out");
        }
        // What ends while one waits for it is another matter.
        let issued = self.judge.issued_at(token.access().expose());
        // Between processes, only the wall clock tells how old a token is.
        if !self.has_company() && issued.is_none_or(|issued| asked >= issued + self.profile.lifetime) {
            self.wrong("a token was handed out that had expired before it was asked for");
        }
        Some(token)
    }

    /// Nobody may see an error that these circumstances do not explain.
    fn judge_error(&self, error: &Error) {
        let explained = match error.kind() {
            ErrorKind::SessionChanged | ErrorKind::LoggedOut | ErrorKind::NotLoggedIn => self.profile.logins,
            // A logout in another process is first seen where the tokens are refused, if its store is slow.
            ErrorKind::Ended(_) => self.may_have_ended() || (self.profile.logins && self.has_company()),
            ErrorKind::Store => true,
            ErrorKind::FreshRefused | ErrorKind::Futile => true,
            ErrorKind::Refresh(class) => match class {
                // An intent that could not be taken back is in doubt as well.
                FailureClass::Ambiguous => {
                    let Profile { faulty, lossy, store_failures, store_slowness, .. } = self.profile;
                    faulty || lossy || store_failures > 0 || store_slowness > 0
                }
                FailureClass::NotSent | FailureClass::Throttled => self.profile.faulty,
                // what was refused is no longer what is stored.
                FailureClass::Config => self.profile.logins && self.has_company(),
                FailureClass::Terminal | FailureClass::Interaction => false,
            },
            _ => false,
        };
        if !explained {
            self.wrong(&format!("unexplained: {error:?}"));
        }
    }

    /// I-07.
    pub(crate) fn may_have_ended(&self) -> bool {
        self.profile.lossy || self.revoked.load(Ordering::SeqCst) > 0
    }
}

/// The number of the login that a token descends from.
fn family(token: &Token) -> u64 {
    let number = token.access().expose().split('-').nth(1).and_then(|number| number.parse().ok());
    number.unwrap_or(0)
}
