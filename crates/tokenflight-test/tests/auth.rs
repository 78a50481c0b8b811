//! The authorization server in process.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    future::Future,
    pin::pin,
    sync::mpsc,
    task::{Context, Waker},
    time::Duration,
};

use tokenflight_core::{FailureClass, Grant, GrantError, TokenSet, grant::Reason, grant::TokenRequest};
use tokenflight_test::{
    AuthServer, Fault, ManualTime, Verdict,
    auth::{Announce, Builder, Canned, Client, Grace, Reuse, Reused, Rotation},
};

const SECOND: Duration = Duration::from_secs(1);

fn server(habits: impl FnOnce(Builder) -> Builder) -> (ManualTime, AuthServer) {
    let time = ManualTime::new(1);
    let auth = habits(AuthServer::builder(time.shared())).build();
    (time, auth)
}

/// With a login that has just been made.
fn logged_in(habits: impl FnOnce(Builder) -> Builder) -> (ManualTime, AuthServer, TokenSet) {
    let (time, auth) = server(habits);
    let login = auth.login();
    (time, auth, login)
}

fn request(set: &TokenSet) -> TokenRequest {
    TokenRequest::new(set.refresh().cloned(), Reason::Due)
}

fn refresh(time: &ManualTime, auth: &AuthServer, set: &TokenSet) -> Result<TokenSet, GrantError> {
    time.run(auth.grant().request(&request(set)))
}

fn class(result: Result<TokenSet, GrantError>) -> FailureClass {
    result.expect_err("a failure").class()
}

#[test]
fn each_refresh_gives_another_pair_and_harms_none() {
    let (time, auth) = server(|b| b);
    let mut set = auth.login_as("alice");
    for _ in 0..5 {
        let next = refresh(&time, &auth, &set).unwrap();
        assert_ne!(next.access(), set.access());
        assert_ne!(next.refresh(), set.refresh());
        assert_eq!(next.lifetime(), Some(SECOND * 300));
        assert_eq!(auth.check(next.access().expose()), Verdict::Valid);
        set = next;
    }
    let report = auth.report();
    assert_eq!((report.total.token_requests, report.total.rotations, report.total.valid_checks), (5, 5, 5));
    auth.assert_unharmed();
    report.assert_no_double_submit();
    assert_eq!(auth.label_of(set.access().expose()).as_deref(), Some("alice"));
}

#[test]
fn the_same_seed_gives_the_same_tokens() {
    let tokens = |seed| {
        let (_, auth) = server(|b| b.seed(seed));
        auth.login().access().expose().to_owned()
    };
    assert_eq!(tokens(1), tokens(1));
    assert_ne!(tokens(1), tokens(2));
}

#[test]
fn a_spent_refresh_token_kills_its_family_and_no_other() {
    let (reuses, told) = mpsc::channel();
    let (time, auth) = server(|b| b.on_reuse(move |reused| reuses.send(reused.clone()).unwrap()));
    let (alice, bob) = (auth.login_as("alice"), auth.login_as("bob"));
    let next = refresh(&time, &auth, &alice).unwrap();
    assert!(auth.report().is_alive("alice") && told.try_recv().is_err());
    assert_eq!(class(refresh(&time, &auth, &alice)), FailureClass::Terminal);
    assert_eq!(class(refresh(&time, &auth, &next)), FailureClass::Terminal);
    assert!(refresh(&time, &auth, &bob).is_ok());
    assert_eq!(auth.check(next.access().expose()), Verdict::Valid);

    let report = auth.report();
    let counts = report.counts("alice");
    assert_eq!((counts.presented_twice, counts.refused), (1, 2));
    assert!(!report.is_alive("alice") && report.is_alive("bob") && !report.is_alive("carol"));
    let reused = told.try_recv().unwrap();
    assert_eq!((reused.login, &*reused.label, reused.rotation), (1, "alice", 0));
    assert_eq!((reused.answer_lost, reused.ended, reused.at), (false, true, time.now()));
    assert!(told.try_recv().is_err());
    let message = std::panic::catch_unwind(|| report.assert_unharmed()).unwrap_err();
    assert!(message.downcast_ref::<String>().unwrap().contains("`alice`"));
}

#[test]
fn reuse_can_kill_access_tokens_as_well_or_nothing_at_all() {
    let (time, auth, login) = logged_in(|b| b.reuse(Reuse::KillFamilyAndAccess));
    let next = refresh(&time, &auth, &login).unwrap();
    assert!(refresh(&time, &auth, &login).is_err());
    assert_eq!(auth.check(next.access().expose()), Verdict::Revoked);

    let (time, auth, login) = logged_in(|b| b.reuse(Reuse::Refuse));
    let next = refresh(&time, &auth, &login).unwrap();
    assert!(refresh(&time, &auth, &login).is_err());
    assert!(refresh(&time, &auth, &next).is_ok());
}

#[test]
fn grace_repeats_the_same_pair_within_the_window_only() {
    let (time, auth, login) = logged_in(|b| b.grace(Grace::SamePair(SECOND * 30)));
    let next = refresh(&time, &auth, &login).unwrap();
    time.advance(SECOND * 30);
    let again = refresh(&time, &auth, &login).unwrap();
    assert_eq!((again.access(), again.refresh()), (next.access(), next.refresh()));
    auth.assert_unharmed();
    assert_eq!(auth.report().total.reuses_in_grace, 1);
    time.advance(SECOND);
    assert_eq!(class(refresh(&time, &auth, &login)), FailureClass::Terminal);
}

#[test]
fn grace_gives_a_new_pair_to_the_immediate_predecessor_only() {
    let (time, auth, login) = logged_in(|b| b.grace(Grace::NewPair(SECOND * 30)));
    let one = refresh(&time, &auth, &login).unwrap();
    let two = refresh(&time, &auth, &login).unwrap();
    assert_ne!(one.refresh(), two.refresh());
    assert_eq!(auth.check(one.access().expose()), Verdict::Valid);
    auth.assert_unharmed();
    let _three = refresh(&time, &auth, &one).unwrap();
    assert_eq!(class(refresh(&time, &auth, &login)), FailureClass::Terminal);
}

#[test]
fn a_server_that_does_not_rotate_repeats_or_omits_the_refresh_token() {
    for (rotation, expected) in [(Rotation::Repeat, true), (Rotation::Omit, false)] {
        let (time, auth, login) = logged_in(|b| b.rotation(rotation));
        for _ in 0..2 {
            let next = refresh(&time, &auth, &login).unwrap();
            assert_eq!(next.refresh(), login.refresh().filter(|_| expected));
        }
        auth.assert_unharmed();
    }
}

#[test]
fn expires_in_can_be_left_out_or_made_up() {
    let (_, auth) = server(|b| b.announce(Announce::Nothing));
    assert_eq!(auth.login().lifetime(), None);
    let (time, auth, login) = logged_in(|b| b.announce(Announce::Seconds(-1.0)).access_lifetime(SECOND));
    assert_eq!(login.lifetime(), Some(Duration::ZERO));
    assert_eq!(auth.check(login.access().expose()), Verdict::Valid);
    time.step_wall_forward(SECOND * 60);
    assert_eq!(auth.check(login.access().expose()), Verdict::Valid);
    time.suspend(SECOND);
    assert_eq!(auth.check(login.access().expose()), Verdict::Expired);
}

#[test]
fn the_same_access_token_can_come_back_and_stays_revoked() {
    let (time, auth, login) = logged_in(|b| b.same_access_token(true));
    time.advance(SECOND * 300);
    let next = refresh(&time, &auth, &login).unwrap();
    assert_eq!(next.access(), login.access());
    assert_eq!(auth.check(next.access().expose()), Verdict::Valid);
    assert!(auth.revoke_access(next.access().expose()));
    let third = refresh(&time, &auth, &next).unwrap();
    assert_eq!(auth.check(third.access().expose()), Verdict::Revoked);
}

#[test]
fn a_rotation_can_revoke_the_access_tokens_before_it() {
    let (time, auth, login) = logged_in(|b| b.rotation_revokes_access(true));
    let next = refresh(&time, &auth, &login).unwrap();
    assert_eq!(auth.check(login.access().expose()), Verdict::Revoked);
    assert_eq!(auth.check(next.access().expose()), Verdict::Valid);
}

#[test]
fn revocation_and_expiry_by_hand() {
    let (time, auth) = server(|b| b);
    let (alice, bob) = (auth.login_as("alice"), auth.login_as("bob"));
    assert_eq!(auth.revoke_family("alice"), 1);
    assert_eq!(class(refresh(&time, &auth, &alice)), FailureClass::Terminal);
    assert_eq!(auth.check(alice.access().expose()), Verdict::Revoked);
    auth.expire_all_access();
    assert_eq!(auth.check(bob.access().expose()), Verdict::Expired);
    assert_eq!(auth.check("nonsense"), Verdict::Unknown);
    time.run(auth.grant().revoke(bob.refresh().unwrap())).unwrap();
    assert_eq!(class(refresh(&time, &auth, &bob)), FailureClass::Terminal);
    auth.assert_unharmed();
    assert!(!auth.report().is_alive("bob"));
}

#[test]
fn every_fault_has_its_class_and_its_effect() {
    let teapot = Fault::respond(418, "short and stout");
    let down = Fault::Respond(Canned::new(503, "").retry_after(SECOND * 3));
    for (fault, expected, processed) in [
        (Fault::CutBefore, FailureClass::NotSent, false),
        (Fault::CutAfter, FailureClass::Ambiguous, true),
        (Fault::CutInAnswer, FailureClass::Ambiguous, true),
        (Fault::throttle(Some(SECOND * 7)), FailureClass::Throttled, false),
        (down, FailureClass::Ambiguous, false),
        (Fault::RespondAfter(Canned::new(502, "<html>")), FailureClass::Ambiguous, true),
        (teapot, FailureClass::Config, false),
        (Fault::respond(400, r#"{"error":"invalid_client"}"#), FailureClass::Config, false),
        (Fault::respond(400, r#"{"error":"invalid_grant"}"#), FailureClass::Terminal, false),
    ] {
        let (reuses, told) = mpsc::channel();
        let tell = move |reused: &Reused| reuses.send(reused.clone()).unwrap();
        let (time, auth, login) = logged_in(|b| b.latency(SECOND..=SECOND * 2).on_reuse(tell));
        auth.faults().push(fault.clone());
        let error = refresh(&time, &auth, &login).expect_err("a fault");
        assert_eq!(error.class(), expected, "{fault:?}");
        let total = auth.report().total;
        assert_eq!((total.rotations, total.answers_lost), (u64::from(processed), u64::from(processed)), "{fault:?}");
        if let FailureClass::Throttled = expected {
            assert_eq!(error.wait(), Some(SECOND * 7));
        }
        assert_eq!(auth.faults().queued(), 0);
        assert_eq!(refresh(&time, &auth, &login).is_ok(), !processed, "{fault:?}");
        if processed {
            assert!(told.try_recv().unwrap().answer_lost);
            auth.report().assert_no_double_submit();
        }
    }
}

#[test]
fn delays_take_their_time_and_hangs_never_end() {
    let (time, auth, mut set) = logged_in(|b| b.latency(SECOND..=SECOND));
    for (fault, seconds) in [(Fault::None, 1), (Fault::Delay(SECOND * 5), 6), (Fault::DelayAfter(SECOND * 9), 10)] {
        auth.faults().push(fault);
        let before = time.now().boot;
        set = refresh(&time, &auth, &set).unwrap();
        assert_eq!(time.now().boot - before, SECOND * seconds);
    }
    for (fault, rotations) in [(Fault::HangBefore, 3), (Fault::HangAfter, 4)] {
        auth.faults().push(fault);
        let (grant, request) = (auth.grant(), request(&set));
        let mut answer = pin!(grant.request(&request));
        let mut cx = Context::from_waker(Waker::noop());
        while answer.as_mut().poll(&mut cx).is_pending() && time.advance_to_next() {}
        assert_eq!(time.pending_sleeps(), 0);
        assert_eq!(request.class_without_answer(), FailureClass::Ambiguous);
        assert_eq!(auth.report().total.rotations, rotations);
    }
}

#[test]
fn a_caller_who_leaves_before_the_moment_of_processing_has_done_nothing_and_after_it_has_rotated() {
    let (time, auth, login) = logged_in(|b| b.latency(SECOND * 2..=SECOND * 2));
    for (halves, rotations) in [(0, 0), (1, 1)] {
        let (grant, request) = (auth.grant(), request(&login));
        let mut answer = grant.request(&request);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(answer.as_mut().poll(&mut cx).is_pending());
        for _ in 0..halves {
            time.advance(SECOND);
            assert!(answer.as_mut().poll(&mut cx).is_pending());
        }
        drop(answer);
        assert_eq!(auth.report().total.rotations, rotations);
        assert_eq!(auth.report().total.answers_lost, rotations);
        assert_eq!(time.pending_sleeps(), 0);
    }
    auth.assert_unharmed();
}

#[test]
fn two_presentations_at_once_are_seen_as_overlapping() {
    let (time, auth, login) = logged_in(|b| b.latency(SECOND..=SECOND));
    let (grant, one, two) = (auth.grant(), request(&login), request(&login));
    let (first, second) = time.run(futures_util::future::join(grant.request(&one), grant.request(&two)));
    assert!(first.is_ok());
    assert_eq!(class(second), FailureClass::Terminal);
    let report = auth.report();
    assert_eq!(report.total.overlapping, 1);
    assert!(std::panic::catch_unwind(|| report.assert_no_double_submit()).is_err());
}

#[test]
fn chances_strike_as_often_as_they_say() {
    let (time, auth, login) = logged_in(|b| b.rotation(Rotation::Repeat).seed(3));
    auth.faults().chance(0.25, Fault::CutBefore);
    let struck = (0..1000).filter(|_| refresh(&time, &auth, &login).is_err()).count();
    assert!((200..300).contains(&struck), "{struck}");
    auth.faults().clear();
    assert!(refresh(&time, &auth, &login).is_ok());
}

#[test]
fn no_token_is_seen_in_any_debug_text() {
    let (_, auth, login) = logged_in(|b| b);
    let answer = auth.answer(login.refresh().unwrap().expose());
    for text in
        [format!("{answer:?}"), format!("{auth:?}"), format!("{:?}", auth.report()), format!("{}", auth.report())]
    {
        assert!(!text.contains("at-1-") && !text.contains("rt-1-"), "{text}");
    }
    assert!(answer.body().contains("at-1-"));
}

/// A successor whose answer was lost is never used, so its predecessor stays good, however long.
#[test]
fn a_predecessor_is_good_until_its_successor_is_used() {
    for by_access in [false, true] {
        let (time, auth) = server(|b| b.grace(Grace::UntilUsed));
        let login = auth.login_as("alice");
        let first = refresh(&time, &auth, &login).unwrap();
        time.advance(SECOND * 100_000);
        let again = refresh(&time, &auth, &login).unwrap();
        assert_eq!((again.access(), again.refresh()), (first.access(), first.refresh()));
        auth.assert_unharmed();
        if by_access {
            // What is refused was not used.
            assert_eq!(auth.check(first.access().expose()), Verdict::Expired);
            let login = auth.login_as("alice");
            let next = refresh(&time, &auth, &login).unwrap();
            assert_eq!(auth.check(next.access().expose()), Verdict::Valid);
            assert_eq!(class(refresh(&time, &auth, &login)), FailureClass::Terminal);
        } else {
            assert!(refresh(&time, &auth, &first).is_ok());
            assert_eq!(class(refresh(&time, &auth, &login)), FailureClass::Terminal);
        }
        assert_eq!(auth.report().counts("alice").presented_twice, 1);
    }
}

/// Such a server takes the successor back that it had handed out: harmless only if that was lost.
#[test]
fn a_second_presentation_may_cost_the_first_successor() {
    let (time, auth, login) = logged_in(|b| b.grace(Grace::UntilUsedReplacing));
    let first = refresh(&time, &auth, &login).unwrap();
    let second = refresh(&time, &auth, &login).unwrap();
    assert_ne!(first.refresh(), second.refresh());
    assert_eq!(class(refresh(&time, &auth, &first)), FailureClass::Terminal);
    assert!(refresh(&time, &auth, &second).is_ok());
    assert_eq!(class(refresh(&time, &auth, &login)), FailureClass::Terminal);
}

#[test]
fn a_refresh_token_is_bound_to_the_client_it_was_issued_to() {
    let (time, auth) = server(|b| b.client(Client::public("prod")).client(Client::public("staging")));
    let (prod, staging) = (auth.login(), auth.login_at("staging"));
    let present = |id: &str, set: &TokenSet| time.run(auth.grant().presented_by(id).request(&request(set)));
    assert_eq!(class(present("staging", &prod)), FailureClass::Terminal);
    // The refusal of the wrong client has spent nothing.
    assert!(present("prod", &prod).is_ok());
    assert!(present("staging", &staging).is_ok());
    auth.assert_unharmed();
    assert_eq!(auth.grant().presented_by("prod").client_id(), Some("prod"));
}
