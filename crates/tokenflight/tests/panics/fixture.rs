pub(crate) use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub(crate) use futures_util::{FutureExt, future::join_all};
pub(crate) use tokenflight::{
    Error, ErrorKind, Event, FailureClass, Grant, GrantError, GrantKey, Session, Time, TokenSet,
};
pub(crate) use tokenflight_test::{ManualTime, MockGrant, MockStore, ModelStore, mock::Step};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// Longer than any waiting time after one failure, shorter than a claim.
pub(crate) const BACKOFF: Duration = Duration::from_secs(2);

/// A session whose token has expired, and all it touches.
pub(crate) struct Fixture {
    pub(crate) time: ManualTime,
    pub(crate) grant: MockGrant,
    pub(crate) store: MockStore,
    /// Behind `store`.
    model: ModelStore,
    events: Arc<Mutex<Vec<&'static str>>>,
    pub(crate) session: Session,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let grant = MockGrant::new();
        Self::with(grant.clone(), grant, ManualTime::clone)
    }

    /// `grant` is scripted and `asked` is asked; `time` wraps the clock the test moves.
    pub(crate) fn with<T: Time>(grant: MockGrant, asked: impl Grant, time: impl FnOnce(&ManualTime) -> T) -> Self {
        let (clock, model) = (ManualTime::new(3), ModelStore::new());
        let store = MockStore::before(model.clone());
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let session = Session::builder(asked)
            .store(store.clone())
            .time(time(&clock))
            .on_event(|_| panic!("a listener that always panics"))
            .on_event(move |event| told.lock().unwrap().push(name(event)))
            .build()
            .unwrap();
        let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(60 * SECOND);
        clock.run(session.login(login)).unwrap();
        clock.advance(61 * SECOND);
        events.lock().unwrap().clear();
        Self { time: clock, grant, store, model, events, session }
    }

    /// Three requests at once; they get the same answer.
    pub(crate) fn ask(&self) -> Result<String, Error> {
        let mut answers = self.time.run(join_all((0..3).map(|_| self.session.token())));
        let answer = answers.pop().unwrap();
        for other in &answers {
            match (&answer, other) {
                (Ok(token), Ok(other)) => assert_eq!(token.generation(), other.generation()),
                (Err(error), Err(other)) => assert!(error.same_as(other), "{error:?} and {other:?}"),
                (one, other) => panic!("the same flight gave {one:?} and {other:?}"),
            }
        }
        answer.map(|token| token.access().expose().to_owned())
    }

    pub(crate) fn stored(&self) -> String {
        let entry = self.model.entry(&GrantKey::new("default")).unwrap();
        entry.tokens().unwrap().refresh.clone().unwrap().expose().to_owned()
    }

    pub(crate) fn told(&self, event: &str) -> usize {
        self.events.lock().unwrap().iter().filter(|told| **told == event).count()
    }

    /// The failure is of this class, nothing is stuck, nothing is tried again at once, and all is
    /// well after the waiting time.
    pub(crate) fn assert_recovers(&self, failed: &Error, kind: &ErrorKind, submissions: usize) {
        assert_eq!(failed.kind(), kind);
        assert!(failed.is_transient() && !failed.needs_login());
        assert!(!format!("{failed:?}{failed}").contains("says panic"), "the panic message was kept: {failed:?}");
        assert!(!self.session.state().refreshing, "the slot is not free");
        assert_eq!(self.told("failed"), 1);
        assert_eq!(self.grant.count(), submissions);
        assert!(self.ask().unwrap_err().same_as(failed), "tried again before the waiting time was over");
        assert_eq!(self.grant.count(), submissions);
        self.time.advance(BACKOFF);
        let issued = self.ask().unwrap();
        assert_eq!((issued.as_str(), self.stored().as_str()), ("access-1", "refresh-1"));
        assert_eq!(self.grant.count(), submissions + 1);
        assert!(!self.session.state().unsaved);
    }
}

const fn name(event: &Event) -> &'static str {
    match event {
        Event::Refreshed { .. } => "refreshed",
        Event::RefreshFailed { .. } => "failed",
        Event::Unpersisted { .. } => "unpersisted",
        Event::Persisted { .. } => "persisted",
        Event::Ended { .. } => "ended",
        _ => "another",
    }
}
