use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokenflight_core::{Time, TokenSet};

use super::{
    Answer, Faults, Report, Verdict,
    config::Config,
    family::Book,
    outgoing::BeforeAnswer,
    reused::{OnReuse, Reused},
};
use crate::lock::lock;

/// An authorization server. Cloning shares it. See the [module documentation](super).
///
/// ```
/// use tokenflight_test::{AuthServer, ManualTime, Verdict};
///
/// let time = ManualTime::new(1);
/// let auth = AuthServer::new(time.shared());
/// let login = auth.login();
/// assert_eq!(auth.check(login.access().expose()), Verdict::Valid);
/// time.advance(login.lifetime().unwrap());
/// assert_eq!(auth.check(login.access().expose()), Verdict::Expired);
/// ```
#[derive(Clone)]
pub struct AuthServer(Arc<Inner>);

struct Inner {
    book: Mutex<Book>,
    faults: Faults,
    before_answer: Option<BeforeAnswer>,
    on_reuse: Option<OnReuse>,
    time: Arc<dyn Time>,
    latency: (Duration, Duration),
}

impl AuthServer {
    pub(super) fn open(config: Config, time: Arc<dyn Time>) -> Self {
        let latency = (*config.latency.start(), *config.latency.end());
        let (before_answer, on_reuse) = (config.before_answer.clone(), config.on_reuse.clone());
        let book = Mutex::new(Book::new(config));
        Self(Arc::new(Inner { book, faults: Faults::default(), before_answer, on_reuse, time, latency }))
    }

    /// A user logs in: a new family and its first token set.
    #[must_use]
    pub fn login(&self) -> TokenSet {
        self.log_in(None, None)
    }

    /// A user logs in: a new family with this label in the report. Several may share a label.
    #[must_use]
    pub fn login_as(&self, label: &str) -> TokenSet {
        self.log_in(Some(label), None)
    }

    /// A user logs in at one of the server's [clients](super::Builder::client). Default: the first.
    #[must_use]
    pub fn login_at(&self, client: &str) -> TokenSet {
        self.log_in(None, Some(client))
    }

    fn log_in(&self, label: Option<&str>, client: Option<&str>) -> TokenSet {
        let now = self.0.time.now();
        let answer = self.book().login(label, client, now);
        answer.result().unwrap_or_else(|error| unreachable!("a login answers with tokens: {error}"))
    }

    /// One token request of the client it was issued to, processed at once: no latency, no faults.
    #[must_use = "the refresh token has been spent"]
    pub fn answer(&self, refresh_token: &str) -> Answer {
        let now = self.0.time.now();
        let mut book = self.book();
        book.arrived(refresh_token);
        let (answer, reused) = book.present(refresh_token, None, now);
        book.left(refresh_token, false);
        drop(book);
        self.tell(reused);
        answer
    }

    /// Judges an access token, for resource servers.
    #[must_use]
    pub fn check(&self, access_token: &str) -> Verdict {
        let now = self.0.time.now();
        self.book().check(access_token, now)
    }

    /// The fault script.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Revokes one access token. `false` if it was never issued.
    pub fn revoke_access(&self, access_token: &str) -> bool {
        self.book().revoke_access(access_token)
    }

    /// Revokes all living families with this label, refresh and access tokens; says how many.
    pub fn revoke_family(&self, label: &str) -> usize {
        let now = self.0.time.now();
        self.book().revoke_label(label, now)
    }

    /// Revokes the family of this refresh token, as a client does when it logs out (RFC 7009).
    /// `false` if the token was never issued.
    pub fn revoke_refresh(&self, refresh_token: &str) -> bool {
        let now = self.0.time.now();
        self.book().revoke_refresh(refresh_token, now)
    }

    /// Ends the time of every access token issued so far.
    pub fn expire_all_access(&self) {
        let now = self.0.time.now();
        self.book().expire_all_access(now);
    }

    /// The label of the family that a refresh or access token belongs to.
    #[must_use]
    pub fn label_of(&self, token: &str) -> Option<String> {
        self.book().label_of(token).map(str::to_owned)
    }

    /// What has been seen so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.book().report()
    }

    /// [`Report::assert_unharmed`] of the [report](Self::report).
    ///
    /// # Panics
    ///
    /// If any refresh token was presented twice or any session is over by that.
    #[track_caller]
    pub fn assert_unharmed(&self) {
        self.report().assert_unharmed();
    }

    /// The moment of processing. A reuse is told with nothing locked.
    pub(super) fn process(&self, refresh_token: &str, client: Option<&str>) -> Answer {
        let now = self.0.time.now();
        let (answer, reused) = self.book().present(refresh_token, client, now);
        self.tell(reused);
        answer
    }

    fn tell(&self, reused: Option<Reused>) {
        if let Some((tell, reused)) = self.0.on_reuse.as_ref().zip(reused) {
            (tell.0)(&reused);
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0.book)
    }

    pub(crate) fn time(&self) -> &dyn Time {
        &*self.0.time
    }

    pub(super) fn before_answer(&self) -> Option<&BeforeAnswer> {
        self.0.before_answer.as_ref()
    }

    pub(super) fn latency(&self) -> (Duration, Duration) {
        self.0.latency
    }
}

impl fmt::Debug for AuthServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthServer").field("faults", self.faults()).finish_non_exhaustive()
    }
}
