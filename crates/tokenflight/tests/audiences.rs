//! Several audiences over one refresh token (R-157, R-410, C-53).

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use std::{future::Future, pin::pin, task::Context, time::Duration};

use futures_util::future::{join, join_all};
use tokenflight::{
    Audiences, BoxFuture, ErrorKind, FailureClass, Grant, GrantError, MemoryStore, RefreshToken, Session, Token,
    TokenRequest, TokenSet,
};
use tokenflight_test::{AuthServer, Fault, ManualTime};

const NAMES: [&str; 3] = ["files", "mail", "maps"];
const LIFETIME: Duration = Duration::from_secs(300);

/// The server's grant for one audience: it says for whom a token is in the token's scope.
struct For(tokenflight_test::auth::AuthGrant, &'static str);

impl Grant for For {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async { Ok(self.0.request(request).await?.scope(self.1)) })
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        self.0.revoke(token)
    }
}

struct Bed {
    time: ManualTime,
    auth: AuthServer,
    store: MemoryStore,
}

impl Bed {
    fn new() -> Self {
        let time = ManualTime::new(3);
        let latency = Duration::from_millis(100);
        let auth = AuthServer::builder(time.shared()).access_lifetime(LIFETIME).latency(latency..=latency).build();
        Self { time, auth, store: MemoryStore::new() }
    }

    fn process(&self) -> Audiences {
        let builder = Audiences::builder().store(self.store.clone()).time(self.time.clone());
        NAMES
            .into_iter()
            .fold(builder, |builder, name| builder.audience(name, For(self.auth.grant(), name)))
            .build()
            .unwrap()
    }

    fn logged_in(&self) -> Audiences {
        let audiences = self.process();
        self.time.run(audiences.login(self.auth.login_as("alice"))).unwrap();
        audiences
    }

    fn requests(&self) -> u64 {
        self.auth.report().total.token_requests
    }
}

fn session<'a>(audiences: &'a Audiences, name: &str) -> &'a Session {
    audiences.session(name).unwrap()
}

/// Everybody asks for every audience.
async fn everybody<'a>(audiences: impl IntoIterator<Item = &'a Audiences>, times: usize) -> Vec<(&'static str, Token)> {
    let asks = audiences.into_iter().flat_map(|audiences| {
        NAMES.into_iter().flat_map(move |name| {
            (0..times).map(move |_| async move { (name, session(audiences, name).token().await.unwrap()) })
        })
    });
    join_all(asks).await
}

#[test]
fn each_audience_gets_a_token_of_its_own_and_the_refresh_token_is_never_presented_twice() {
    let bed = Bed::new();
    let audiences = bed.logged_in();
    let before = bed.time.now().boot;
    let tokens = bed.time.run(everybody([&audiences], 30));
    assert_eq!(
        bed.time.now().boot - before,
        Duration::from_millis(300),
        "one after the other, and nothing between them"
    );
    for (name, token) in &tokens {
        assert_eq!(token.scope(), Some(*name));
    }
    assert_eq!(bed.requests(), 3, "one request for each audience, however many ask");
    bed.auth.assert_unharmed();
    assert!(audiences.session("music").is_none());
}

#[test]
fn so_it_is_with_several_processes_over_one_store() {
    let bed = Bed::new();
    let first = bed.logged_in();
    let processes = [first, bed.process(), bed.process()];
    for (name, token) in bed.time.run(everybody(&processes, 5)) {
        assert_eq!(token.scope(), Some(name));
    }
    assert_eq!(bed.requests(), 9);
    bed.auth.assert_unharmed();
}

#[test]
fn drivers_renew_every_audience_and_each_only_its_own() {
    let bed = Bed::new();
    let audiences = bed.logged_in();
    let mut drivers: Vec<_> = NAMES.iter().map(|name| Box::pin(session(&audiences, name).driver())).collect();
    let old = bed.time.run(everybody([&audiences], 1));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for _ in 0..LIFETIME.as_secs() * 10 {
        bed.time.advance(Duration::from_millis(100));
        for driver in &mut drivers {
            assert!(driver.as_mut().poll(&mut cx).is_pending());
        }
    }
    assert!((6..=9).contains(&bed.requests()), "{}", bed.requests());
    let new = bed.time.run(everybody([&audiences], 1));
    for ((name, old), (_, new)) in old.iter().zip(&new) {
        assert_eq!(new.scope(), Some(*name));
        assert_ne!(old.access(), new.access(), "{name} was not renewed");
    }
    bed.auth.assert_unharmed();
}

#[test]
fn an_end_is_everybodys_and_is_announced_once_and_a_login_lifts_it() {
    let bed = Bed::new();
    let audiences = bed.logged_in();
    bed.time.run(everybody([&audiences], 1));
    bed.auth.revoke_family("alice");
    bed.time.advance(LIFETIME);
    let before = bed.requests();
    for name in NAMES {
        let error = bed.time.run(session(&audiences, name).token()).unwrap_err();
        assert!(error.is_ended() && error.needs_login(), "{name}: {error:?}");
    }
    assert_eq!(bed.requests(), before + 1, "the others were told without asking");

    bed.time.run(audiences.login(bed.auth.login_as("bob"))).unwrap();
    for (name, token) in bed.time.run(everybody([&audiences], 1)) {
        assert_eq!(token.scope(), Some(name));
        assert_eq!(bed.auth.label_of(token.access().expose()).as_deref(), Some("bob"));
    }
}

#[test]
fn nobody_gets_a_token_of_the_old_login_after_a_new_one_or_a_logout() {
    let bed = Bed::new();
    let audiences = bed.logged_in();
    bed.time.run(everybody([&audiences], 1));
    bed.time.run(audiences.login(bed.auth.login_as("bob"))).unwrap();
    for (name, token) in bed.time.run(everybody([&audiences], 1)) {
        assert_eq!(bed.auth.label_of(token.access().expose()).as_deref(), Some("bob"), "{name}");
    }
    // In the middle of a refresh, too.
    bed.time.advance(LIFETIME);
    let mail = session(&audiences, "mail");
    let (token, login) = bed.time.run(join(mail.token(), audiences.login(bed.auth.login_as("carol"))));
    login.unwrap();
    assert_eq!(*token.unwrap_err().kind(), ErrorKind::SessionChanged);
    let token = bed.time.run(mail.token()).unwrap();
    assert_eq!(bed.auth.label_of(token.access().expose()).as_deref(), Some("carol"));

    bed.time.run(audiences.logout()).unwrap();
    for name in NAMES {
        assert!(bed.time.run(session(&audiences, name).token()).unwrap_err().needs_login(), "{name}");
    }
    assert_eq!(bed.auth.report().total.presented_twice, 0);
}

/// Another process logs in while this one's exchange is under way: what that brings is the old login's, and nobody's now.
#[test]
fn what_was_minted_for_a_login_that_was_replaced_elsewhere_is_not_handed_out() {
    let bed = Bed::new();
    let (here, elsewhere) = (bed.logged_in(), bed.process());
    let mail = session(&here, "mail");
    let mut asking = pin!(mail.token());
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for _ in 0..3 {
        assert!(asking.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(bed.requests(), 1, "the exchange is under way");
    bed.time.run(elsewhere.login(bed.auth.login_as("bob"))).unwrap();
    let token = bed.time.run(asking).unwrap();
    assert_eq!(token.scope(), Some("mail"));
    assert_eq!(bed.auth.label_of(token.access().expose()).as_deref(), Some("bob"));
}

#[test]
fn a_request_that_leaves_does_not_get_its_token_to_another_audience() {
    let bed = Bed::new();
    let audiences = bed.logged_in();
    {
        // Mail's exchange is under way when the one who asked goes away.
        let mut asking = pin!(session(&audiences, "mail").token());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(asking.as_mut().poll(&mut cx).is_pending());
    }
    for (name, token) in bed.time.run(everybody([&audiences], 1)) {
        assert_eq!(token.scope(), Some(name));
    }
    bed.auth.assert_unharmed();
}

/// R-215: an answer is lost; what is left of the others' tokens is used up before the refresh token is tried again.
#[test]
fn a_lost_answer_leaves_the_tokens_of_all_audiences_in_use() {
    let bed = Bed::new();
    let audiences = bed.logged_in();
    let mail = bed.time.run(session(&audiences, "mail").token()).unwrap();
    bed.auth.faults().push(Fault::CutAfter);
    let error = bed.time.run(session(&audiences, "files").token()).unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Ambiguous));
    bed.time.advance(Duration::from_secs(60));
    let before = bed.requests();
    assert_eq!(bed.time.run(session(&audiences, "files").token()).unwrap_err().class(), Some(FailureClass::Ambiguous));
    assert_eq!(bed.time.run(session(&audiences, "mail").token()).unwrap().access(), mail.access());
    assert_eq!(bed.requests(), before, "it is kept back");
}

#[test]
fn without_a_login_every_audience_says_so() {
    let bed = Bed::new();
    let audiences = bed.process();
    let error = bed.time.run(session(&audiences, "mail").token()).unwrap_err();
    assert!(error.needs_login());
    assert_eq!(format!("{audiences:?}"), r#"["files", "mail", "maps"]"#);
    assert_eq!(bed.requests(), 0);
}
