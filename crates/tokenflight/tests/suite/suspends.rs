//! A computer that is suspended while its driver renews a token of an hour: the table in
//! `docs/guarantees.md`.

use tokenflight::ReusePolicy;
use tokenflight_test::{
    Fault,
    auth::{AuthGrant, Grace},
};

use self::{Again::*, Session::*, Successor::*};
use super::fixture::*;

const HOUR: u64 = 3_600;

/// How long it is suspended, how long the server answers a used refresh token, what is presented.
struct Row(Duration, Duration, Again, Session, Successor);

/// When the same refresh token is presented again if the answer was lost.
#[derive(Clone, Copy, Debug)]
enum Again {
    InTheWindow,
    AfterAMinute,
    AtTheEnd,
}

/// What becomes of the session then, if the server had processed the first request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Session {
    Lives,
    Ends,
}

/// When the next one is presented if the answer has come.
#[derive(Clone, Copy, Debug)]
enum Successor {
    WhenDue,
    AMinuteLater,
}

const NONE: Duration = Duration::ZERO;
const SHORT: Duration = secs(30);
const LUNCH: Duration = secs(5 * 60);
const NIGHT: Duration = secs(8 * HOUR);

#[rustfmt::skip]
const TABLE: [Row; 9] = [
    Row(SHORT, NONE,      AtTheEnd,     Ends,  WhenDue),
    Row(SHORT, secs(60),  InTheWindow,  Lives, WhenDue),
    Row(SHORT, secs(600), InTheWindow,  Lives, WhenDue),
    Row(LUNCH, NONE,      AtTheEnd,     Ends,  WhenDue),
    Row(LUNCH, secs(60),  AtTheEnd,     Ends,  WhenDue),
    Row(LUNCH, secs(600), AfterAMinute, Lives, WhenDue),
    Row(NIGHT, NONE,      AfterAMinute, Ends,  AMinuteLater),
    Row(NIGHT, secs(60),  AfterAMinute, Ends,  AMinuteLater),
    Row(NIGHT, secs(600), AfterAMinute, Ends,  AMinuteLater),
];

impl Row {
    /// As it stands in the docs.
    fn text(&self) -> String {
        let asleep = match self.0 {
            SHORT => "30 s",
            LUNCH => "5 min",
            _ => "8 h",
        };
        let window = match self.1 {
            NONE => "none".to_owned(),
            window => format!("{} s", window.as_secs()),
        };
        let again = match self.2 {
            InTheWindow => "within the window",
            AfterAMinute => "after a minute awake",
            AtTheEnd => "when the access token has run out",
        };
        let session = match self.3 {
            Lives => "lives",
            Ends => "ends",
        };
        let successor = match self.4 {
            WhenDue => "when it is due",
            AMinuteLater => "after a minute awake",
        };
        format!("| {asleep} | {window} | {again} | {session} | {successor} |")
    }
}

/// A grant that notes what it presents, and when.
struct Noting(AuthGrant, tokenflight_test::ManualTime, Arc<Mutex<Vec<(Duration, String)>>>);

impl Grant for Noting {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        let token = request.refresh_token().expect("it has one").expose().to_owned();
        lock(&self.2).push((self.1.now().boot, token));
        self.0.request(request)
    }
}

/// A renewal that a suspend has interrupted, at the moment of the wake.
struct Woken {
    auth: AuthServer,
    fixture: Fixture,
    _driver: Task<()>,
    presented: Arc<Mutex<Vec<(Duration, String)>>>,
    /// When the first access token runs out.
    end: Duration,
    wake: Duration,
}

impl Woken {
    async fn new(tasks: &Tasks, row: &Row, fate: Fault) -> Self {
        let (grace, policy) = match row.1 {
            NONE => (Grace::None, ReusePolicy::Strict),
            window => (Grace::SamePair(window), ReusePolicy::grace(window)),
        };
        let auth = AuthServer::builder(tasks.time().shared()).access_lifetime(secs(HOUR)).grace(grace).build();
        let presented = Arc::default();
        let grant = Noting(auth.grant(), tasks.time().clone(), Arc::clone(&presented));
        let fixture = Fixture::alone(tasks, grant, |builder| builder.reuse_policy(policy));
        fixture.log_in_with(auth.login()).await;
        let end = tasks.time().now().boot + secs(HOUR);
        auth.faults().push(fate);
        let driver = fixture.drive();
        tasks.until(|| lock(&presented).len() == 1).await;
        tasks.time().suspend(row.0);
        let wake = tasks.time().now().boot;
        Self { auth, fixture, _driver: driver, presented, end, wake }
    }

    /// What was presented after the first request, and when; one more comes in the next hour or so.
    async fn next(&self) -> (Duration, String) {
        self.fixture.tasks.until(|| lock(&self.presented).len() == 2).await;
        lock(&self.presented)[1].clone()
    }

    fn first(&self) -> (Duration, String) {
        lock(&self.presented)[0].clone()
    }

    /// Whether this is a minute after the wake was noticed, and what was sent had time to arrive.
    fn is_a_minute_later(&self, at: Duration) -> bool {
        (self.wake + secs(60)..self.wake + secs(120)).contains(&at)
    }
}

pub(crate) async fn what_is_presented_after_a_suspend_in_the_middle_of_a_request_is_a_table(tasks: Tasks) {
    let page = include_str!("../../docs/guarantees.md");
    for row in &TABLE {
        let text = row.text();
        assert!(page.contains(&text), "docs/guarantees.md lacks {text}");

        let lost = Woken::new(&tasks, row, Fault::HangAfter).await;
        let ((first, token), (at, again)) = (lost.first(), lost.next().await);
        assert_eq!(again, token, "{text}");
        let as_said = match row.2 {
            InTheWindow => at - first < row.1,
            AfterAMinute => lost.is_a_minute_later(at),
            AtTheEnd => (lost.end..lost.end + secs(20)).contains(&at),
        };
        assert!(as_said, "{text} {:?} after the wake", at - lost.wake);
        tasks.pass(secs(60)).await;
        let ended = matches!(lost.fixture.session.state().status, Status::Over(error) if error.is_ended());
        assert_eq!(if ended { Ends } else { Lives }, row.3, "{text}");

        let answered = Woken::new(&tasks, row, Fault::DelayAfter(secs(1))).await;
        let ((first, token), (at, successor)) = (answered.first(), answered.next().await);
        assert_ne!(successor, token, "{text}");
        let as_said = match row.4 {
            WhenDue => (secs(HOUR / 2)..secs(HOUR)).contains(&(at - first)),
            AMinuteLater => answered.is_a_minute_later(at),
        };
        assert!(as_said, "{text} the successor {:?} after the wake", at - answered.wake);
        answered.auth.assert_unharmed();
    }
}

pub(crate) async fn a_request_after_a_suspend_has_the_living_token_or_waits_for_the_answer(tasks: Tasks) {
    for row in &TABLE {
        for (fate, is_lost) in [(Fault::HangAfter, true), (Fault::DelayAfter(secs(1)), false)] {
            let woken = Woken::new(&tasks, row, fate).await;
            let living = tasks.time().now().boot < woken.end;
            let token = woken.fixture.token().await;
            let took = tasks.time().now().boot - woken.wake;
            match (living, is_lost) {
                (true, _) => assert_eq!((token.expect("it lives").generation().get(), took), (1, NONE)),
                (false, true) => {
                    assert_eq!(token.expect_err("lost").class(), Some(FailureClass::Ambiguous));
                    assert!(took <= secs(35), "{took:?}");
                }
                // What came had run out as well: its successor.
                (false, false) => {
                    assert_eq!(
                        woken.auth.check(token.expect("a new one").access().expose()),
                        tokenflight_test::Verdict::Valid
                    );
                    assert!(took <= secs(5), "{took:?}");
                }
            }
        }
    }
}

/// A laptop that wakes every quarter of an hour for twenty seconds, into a network that is not
/// there. Its token is due and then dead, and the session counts as in use.
pub(crate) async fn two_hundred_dark_wakes_present_nothing(tasks: Tasks) {
    for private in [false, true] {
        let grant = MockGrant::new();
        let fixture = Fixture::new(&tasks, grant.clone());
        fixture.model.set_private(private);
        fixture.log_in_with(pair("access-0", "refresh-0", secs(HOUR))).await;
        let _driver = fixture.drive();
        for _ in 0..200 {
            tasks.time().suspend(secs(15 * 60 - 20));
            tasks.pass(secs(20)).await;
        }
        assert_eq!(grant.count(), 0);
        assert!(matches!(fixture.session.state().status, Status::Stale));
        // Then it is opened.
        tasks.pass(secs(120)).await;
        assert_eq!(fixture.access().await, "access-1");
        assert_eq!(grant.count(), 1);
    }
}
