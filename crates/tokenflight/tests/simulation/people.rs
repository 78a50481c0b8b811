//! Those who use a session: what they do, and what they may expect.

use tokenflight::{Error, ErrorKind, Token};
use tokenflight_test::Verdict;

use crate::prelude::*;

/// What user code does with the session that called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    LogOut,
    Ask,
    ShutDown,
}

/// One process: its session, and what its users know.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) number: usize,
    pub(crate) session: Session,
    pub(crate) auth: AuthServer,
    pub(crate) time: ManualTime,
    pub(crate) judge: Arc<Judge>,
    pub(crate) profile: Profile,
    /// The first family whose tokens may be used: those of older logins are over.
    floor: Arc<AtomicU64>,
    /// Families so far, of all processes.
    pub(crate) families: Arc<AtomicU64>,
    /// The server ended something by itself.
    pub(crate) revoked: Arc<AtomicU64>,
    pub(crate) tokens: Arc<AtomicU64>,
    /// It was shut down.
    pub(crate) closed: Arc<AtomicBool>,
    /// It has read the store again, as if it had known nothing.
    reloaded: Arc<AtomicBool>,
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
            closed: Arc::default(),
            reloaded: Arc::default(),
        }
    }

    /// Whether others decide about the login too: another process, or one that died and took its
    /// knowledge along.
    pub(crate) fn has_company(&self) -> bool {
        self.profile.processes > 1 || self.number > 0
    }

    /// Another process of the same users.
    pub(crate) fn neighbour(&self, number: usize, session: Session) -> Self {
        Self {
            number,
            session,
            floor: Arc::default(),
            closed: Arc::default(),
            reloaded: Arc::default(),
            ..self.clone()
        }
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }

    pub(crate) fn wrong(&self, what: &str) {
        self.judge.wrong(format!("process {}: {what}", self.number));
    }

    /// Whether the session has been logged out by these users.
    pub(crate) fn logged_out(&self) -> bool {
        self.floor.load(Ordering::SeqCst) > self.families.load(Ordering::SeqCst)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) async fn log_in(&self) {
        let set = self.auth.login();
        self.judge.issued(&set, self.time.now().boot);
        let family = self.families.fetch_add(1, Ordering::SeqCst) + 1;
        self.judge.say(|| format!("process {} logs in, family {family}", self.number));
        // Nothing is awaited before the session knows: both happen at the same moment.
        self.floor.store(family, Ordering::SeqCst);
        self.take(self.session.login(set).await);
    }

    pub(crate) async fn log_out(&self) {
        self.judge.say(|| format!("process {} logs out", self.number));
        self.floor.store(self.families.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.take(self.session.logout().await);
    }

    /// User code inside a call of the session. What it is told depends on what it is called from.
    pub(crate) async fn act(self, act: Act) {
        match act {
            Act::LogOut => self.log_out().await,
            Act::Ask => self.judge.note(self.session.token().await.is_ok()),
            Act::ShutDown => {
                self.closed.store(true, Ordering::SeqCst);
                let done = self.session.shutdown(Duration::from_secs(30)).await;
                self.judge.note(done.is_ok());
            }
        }
    }

    /// Wants tokens, uses them, and reports refusals, real ones and others.
    pub(crate) async fn request(self, rounds: usize, mut random: fastrand::Rng) {
        for _ in 0..rounds {
            self.sleep(self.profile.horizon.mul_f64(random.f64() * random.f64())).await;
            let Some(token) = self.ask().await else {
                if random.u8(..) < 60 {
                    self.reloaded.store(true, Ordering::SeqCst);
                    self.take(self.session.reload().await);
                }
                continue;
            };
            let verdict = self.auth.check(token.access().expose());
            self.judge.note(format!("{verdict:?}"));
            if verdict != Verdict::Valid || random.u8(..) < 40 {
                self.newer_than(&token).await;
            }
        }
    }

    pub(crate) async fn force(self, after: Duration) {
        self.sleep(after).await;
        let before = self.session.state();
        if let Some(token) = self.take(self.session.refresh().await)
            && token.generation() < before.generation
        {
            self.wrong("a forced refresh went back");
        }
    }

    async fn newer_than(&self, token: &Token) {
        if let Some(newer) = self.take(self.session.newer_than(token.generation()).await)
            && newer.generation() <= token.generation()
            && newer.login() == token.login()
        {
            self.wrong("the refused token came back");
        }
    }

    /// What is handed out is of this login, not older than what was published, and has not expired;
    /// and a token that can be used is handed out whatever else goes on.
    pub(crate) async fn ask(&self) -> Option<Token> {
        let (floor, before) = (self.floor.load(Ordering::SeqCst), self.session.state());
        let asked = self.time.now().boot;
        let token = match self.session.token().await {
            Ok(token) => token,
            Err(error) => {
                if matches!(before.status, Status::Usable | Status::Ending(_)) {
                    self.wrong(&format!("a usable token was not served: {error:?}"));
                }
                self.take::<()>(Err(error));
                return None;
            }
        };
        self.judge.note("token");
        self.tokens.fetch_add(1, Ordering::SeqCst);
        if token.generation() < before.generation || token.login() < before.login {
            self.wrong("a token older than the published one was handed out");
        }
        if self.profile.processes == 1 && family(&token) < floor {
            self.wrong("a token of a login that is over was handed out");
        }
        // What ends while it is waited for is another matter.
        let issued = self.judge.issued_at(token.access().expose());
        // In the store, only the wall clock tells how old a token is.
        let read = self.has_company() || self.reloaded.load(Ordering::SeqCst);
        if !read && issued.is_none_or(|issued| asked >= issued + self.profile.lifetime) {
            self.wrong("a token was handed out that had expired before it was asked for");
        }
        Some(token)
    }

    /// What a call brought. No caller may see an error that these circumstances do not explain.
    pub(crate) fn take<T>(&self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => {
                self.judge.note("done");
                Some(value)
            }
            Err(error) => {
                self.judge.note(format!("{:?}", error.kind()));
                if !self.explains(&error) {
                    self.wrong(&format!("unexplained: {error:?}"));
                }
                None
            }
        }
    }

    fn explains(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::SessionChanged | ErrorKind::LoggedOut | ErrorKind::NotLoggedIn => self.profile.logins,
            // A logout elsewhere is first seen where the tokens are refused, if its store is slow.
            ErrorKind::Ended(_) => self.may_have_ended() || (self.profile.logins && self.has_company()),
            ErrorKind::Store => true,
            ErrorKind::FreshRefused | ErrorKind::Futile => true,
            ErrorKind::Closed => self.is_closed(),
            ErrorKind::Refresh(class) => match class {
                // A claim that could not be given back is in doubt as well.
                FailureClass::Ambiguous => {
                    self.profile.faulty || self.profile.lossy || self.profile.has_weather() || self.has_company()
                }
                FailureClass::NotSent | FailureClass::Throttled => self.profile.faulty,
                // What was refused is no longer what is stored.
                FailureClass::Config => self.profile.logins && self.has_company(),
                FailureClass::Terminal | FailureClass::Interaction => false,
            },
            _ => false,
        }
    }

    pub(crate) fn may_have_ended(&self) -> bool {
        self.profile.lossy || self.judge.unstored() > 0 || self.revoked.load(Ordering::SeqCst) > 0
    }
}

/// The number of the login that a token descends from.
fn family(token: &Token) -> u64 {
    let number = token.access().expose().split('-').nth(1).and_then(|number| number.parse().ok());
    number.unwrap_or(0)
}
