//! The suite for [`Grant`]: what a grant must make of everything a token endpoint can do.

use std::{error::Error, fmt::Write as _, future::poll_fn, task::Poll, time::Duration};

use tokenflight_core::{
    FailureClass, Grant, GrantError, TokenSet,
    grant::{Reason, TokenRequest},
};

use crate::{
    AuthServer, Fault, ManualTime,
    auth::{Announce, Builder, Canned, Rotation},
};

/// A word that must not be seen in any error.
const CANARY: &str = "canary-in-the-body";

/// Checks a [`Grant`] against its contract. `make` returns a grant for this server, and whatever
/// must live as long as the grant.
///
/// The grant talks to an [`AuthServer`], in process or over a socket:
///
/// ```
/// use tokenflight_test::{ManualTime, contract};
///
/// # let executor = ManualTime::new(0);
/// // Over a socket: `|auth| { let served = auth.serve()?; (grant_for(served.url("/token")), served) }`.
/// executor.run(contract::grant(|auth| (auth.grant(), ())));
/// ```
///
/// # Panics
///
/// With the name of the first rule that is broken.
pub async fn grant<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    success_is_one_submission(&make).await;
    omissions_stay_omissions(&make).await;
    odd_tokens_arrive_whole(&make).await;
    spent_token_is_terminal(&make).await;
    answers_have_their_class(&make).await;
    lost_answers_are_ambiguous(&make).await;
    sent_requests_are_marked(&make).await;
    nothing_to_present_is_not_sent(&make).await;
}

struct Case<G, K> {
    auth: AuthServer,
    login: TokenSet,
    grant: G,
    _kept: K,
}

impl<G: Grant, K> Case<G, K> {
    fn new(make: impl Fn(AuthServer) -> (G, K), habits: impl FnOnce(Builder) -> Builder) -> Self {
        let auth = habits(AuthServer::builder(ManualTime::new(0).shared())).build();
        let (grant, kept) = make(auth.clone());
        Self { login: auth.login(), auth, grant, _kept: kept }
    }

    fn request(&self) -> TokenRequest {
        TokenRequest::new(self.login.refresh().cloned(), Reason::Due)
    }

    async fn ask(&self) -> Result<TokenSet, GrantError> {
        self.grant.request(&self.request()).await
    }

    fn submissions(&self) -> u64 {
        self.auth.report().total.token_requests
    }
}

/// A good answer is handed over whole, after exactly one submission.
async fn success_is_one_submission<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    let case = Case::new(make, |b| b.access_lifetime(Duration::from_secs(77)));
    let set = case.ask().await.unwrap_or_else(|error| broken(&format!("a good answer is an error: {error}")));
    holds(set.lifetime() == Some(Duration::from_secs(77)), "the lifetime is another than was announced");
    holds(set.check().is_ok(), "the token set is unusable");
    let known = case.auth.label_of(set.access().expose()).is_some();
    holds(known, "the access token is another than was issued");
    holds(set.refresh().is_some_and(|token| Some(token) != case.login.refresh()), "the rotated refresh token is lost");
    holds(case.submissions() == 1, "one request made more than one submission");
}

/// What the server leaves out stays out: the engine knows what to make of it.
async fn omissions_stay_omissions<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    let case = Case::new(make, |b| b.rotation(Rotation::Omit).announce(Announce::Nothing));
    let set = case.ask().await.unwrap_or_else(|error| broken(&format!("a bare answer is an error: {error}")));
    holds(set.refresh().is_none(), "a refresh token was made up");
    holds(set.lifetime().is_none(), "a lifetime was made up");
}

/// A refresh token may hold characters that a form must escape (RFC 6749 A.17).
async fn odd_tokens_arrive_whole<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    let case = Case::new(make, |b| b.odd_tokens(true));
    holds(case.ask().await.is_ok(), "a refresh token with `+`, `/`, `=`, `&`, `%` and a space does not arrive whole");
}

/// `invalid_grant` is `Terminal`, with the code.
async fn spent_token_is_terminal<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    let case = Case::new(make, |b| b);
    case.auth.revoke_family("login-1");
    let error = failure(case.ask().await, "an invalid_grant");
    holds(error.class() == FailureClass::Terminal, "invalid_grant is not Terminal");
    holds(error.error_code() == Some("invalid_grant"), "the code of the server is lost");
    discreet(&error, &case.login);
}

/// Each answer has its class, and no error shows a token or a body.
async fn answers_have_their_class<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    use FailureClass::{Ambiguous, Config, Throttled};
    let seven = Duration::from_secs(7);
    let html = || format!("<html>{CANARY}</html>");
    let json = |code| format!(r#"{{"error":"{code}","debug":"{CANARY}"}}"#);
    for (row, canned, expected) in [
        ("200 without a token", Canned::new(200, format!(r#"{{"x":"{CANARY}"}}"#)), &[Ambiguous][..]),
        ("200 with HTML", Canned::new(200, html()), &[Ambiguous, Config]),
        ("invalid_client", Canned::new(401, json("invalid_client")), &[Config]),
        ("unauthorized_client", Canned::new(400, json("unauthorized_client")), &[Config]),
        ("400 with HTML", Canned::new(400, html()), &[Config]),
        ("404", Canned::new(404, html()), &[Config]),
        ("429", Canned::new(429, html()).retry_after(seven), &[Throttled]),
        ("500", Canned::new(500, html()), &[Ambiguous]),
        ("502", Canned::new(502, html()), &[Ambiguous]),
        ("503", Canned::new(503, html()).retry_after(seven), &[Ambiguous]),
        ("500 with invalid_grant", Canned::new(500, json("invalid_grant")), &[Ambiguous]),
    ] {
        let case = Case::new(&make, |b| b);
        let waits = canned.retry_after.is_some();
        case.auth.faults().push(Fault::Respond(canned));
        let result = case.ask().await;
        holds(case.submissions() == 1, &format!("{row}: not exactly one submission"));
        let error = failure(result, row);
        holds(expected.contains(&error.class()), &format!("{row} is {:?}, not {expected:?}", error.class()));
        holds(!waits || error.wait() == Some(seven), &format!("{row}: Retry-After is lost"));
        discreet(&error, &case.login);
    }
}

/// What may have been processed is `Ambiguous`.
async fn lost_answers_are_ambiguous<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    for (fault, surely) in [(Fault::CutAfter, true), (Fault::CutInAnswer, true), (Fault::CutBefore, false)] {
        let case = Case::new(&make, |b| b);
        case.auth.faults().push(fault.clone());
        let result = case.ask().await;
        holds(case.submissions() <= 1, &format!("{fault:?}: more than one submission"));
        let class = failure(result, "a lost answer").class();
        let good = class == FailureClass::Ambiguous || (class == FailureClass::NotSent && !surely);
        holds(good, &format!("{fault:?} is {class:?}"));
    }
}

/// Once the server has the request, it does not count as unsent.
async fn sent_requests_are_marked<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    let case = Case::new(make, |b| b);
    case.auth.faults().push(Fault::HangBefore);
    let request = case.request();
    let mut hanging = case.grant.request(&request);
    poll_fn(|cx| {
        holds(hanging.as_mut().poll(cx).is_pending(), "a request that hangs at the server came to an end");
        if case.submissions() > 0 {
            return Poll::Ready(());
        }
        // The server may be a task of the same executor: let it run.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    drop(hanging);
    let class = request.class_without_answer();
    holds(class == FailureClass::Ambiguous, "a request that has arrived counts as never sent");
}

/// Without a refresh token, a grant that needs one sends nothing.
async fn nothing_to_present_is_not_sent<G: Grant, K>(make: impl Fn(AuthServer) -> (G, K)) {
    let case = Case::new(make, |b| b);
    if case.grant.needs_refresh_token() {
        let result = case.grant.request(&TokenRequest::new(None, Reason::Due)).await;
        holds(case.submissions() == 0, "a request without a refresh token was submitted");
        let error = failure(result, "nothing to present");
        let unsent = matches!(error.class(), FailureClass::Config | FailureClass::NotSent);
        holds(unsent, "a request without a refresh token may have been sent");
    }
}

#[track_caller]
fn broken(detail: &str) -> ! {
    panic!("the grant breaks its contract: {detail}");
}

#[track_caller]
fn holds(condition: bool, detail: &str) {
    if !condition {
        broken(detail);
    }
}

#[track_caller]
fn failure(result: Result<TokenSet, GrantError>, what: &str) -> GrantError {
    match result {
        Ok(_) => broken(&format!("{what} is taken for a success")),
        Err(error) => error,
    }
}

/// No token and no body in anything that gets logged.
#[track_caller]
fn discreet(error: &GrantError, login: &TokenSet) {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, " {cause} {cause:?}");
        source = cause.source();
    }
    let token = login.refresh().map_or(CANARY, |token| token.expose());
    holds(!text.contains(CANARY) && !text.contains(token), "an error shows a token or a body");
}
