//! What a store's record means for a flight, row by row.

mod support;

use std::time::Duration;

use support::{HOUR, WALL, at, logged_in, machine, record, refusal, secs, started, tokens};
use tokenflight_core::{
    EndReason, Epoch, ErrorKind, FailureClass, Generation, Now, TokenSet,
    grant::{Reason, ReusePolicy},
    lease::{Intent, Owner, Record, RecordState, StoredTokens},
};
use tokenflight_machine::{FlightPlan, Found, Landing, Machine, Policy, Reconcile};

/// An outcome in few words.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Adopt(u64, u64),
    Present(u64, u64),
    /// The session is over, in this epoch.
    Over(u64, ErrorKind),
    Failed(FailureClass, ErrorKind),
}
use Outcome::{Adopt, Failed, Over, Present};

fn outcome(reconcile: Reconcile) -> Outcome {
    match reconcile {
        Reconcile::Adopt(found) => Adopt(found.epoch.get(), found.generation.get()),
        Reconcile::Present { epoch, generation } => Present(epoch.get(), generation.get()),
        Reconcile::Stop(Landing::Over { epoch, error }) => Over(epoch.get(), error.kind().clone()),
        Reconcile::Stop(Landing::Failed { class, error, rotated: None }) => Failed(class, error.kind().clone()),
        other => panic!("an outcome no table knows: {other:?}"),
    }
}

/// A session in epoch 5 with generation 7, an hour of life from second zero.
fn session(policy: Policy) -> Machine {
    let mut machine = logged_in(policy, Some(HOUR));
    let epoch = machine.epoch();
    machine.saved(epoch, Epoch::new(5), Generation::new(7));
    machine
}

/// A plan of that session, for each reason; the token is usable for `Due` and `Forced`.
fn plan(policy: &Policy, reason: Reason) -> (FlightPlan, Now) {
    let mut session = session(policy.clone());
    match reason {
        Reason::Load => (started(machine(policy.clone()).usable(at(0))), at(0)),
        Reason::Due => (started(session.usable(at(3000))), at(3000)),
        Reason::Forced => (started(session.force(at(100))), at(100)),
        Reason::Rejected => {
            let refused = refusal(&session);
            (started(session.refused(refused, at(100))), at(100))
        }
        other => panic!("no such plan: {other:?}"),
    }
}

fn judge(policy: &Policy, reason: Reason, record: Option<&Record>) -> Outcome {
    let (plan, now) = plan(policy, reason);
    outcome(policy.reconcile(&plan, record, now))
}

const REASONS: [Reason; 4] = [Reason::Load, Reason::Due, Reason::Rejected, Reason::Forced];

/// Tokens that live far beyond every moment of this file.
fn fresh() -> StoredTokens {
    tokens(WALL, Some(10 * HOUR))
}

/// Tokens whose life was over before this file begins.
fn spent() -> StoredTokens {
    tokens(WALL - 2 * HOUR, Some(HOUR))
}

fn unrefreshable(mut tokens: StoredTokens) -> StoredTokens {
    tokens.refresh = None;
    tokens
}

/// The record's numbers, and how they compare with epoch 5, generation 7.
const BEHIND: [(u64, u64); 5] = [(4, 6), (4, 7), (4, 8), (5, 0), (5, 6)];
const NEWER: [(u64, u64); 5] = [(5, 8), (5, 100), (6, 1), (6, 7), (6, 8)];

#[test]
fn a_newer_token_that_can_be_used_is_adopted_without_a_token_request() {
    for (epoch, generation) in NEWER {
        for reason in REASONS {
            for tokens in [fresh(), unrefreshable(fresh()), tokens(WALL, None)] {
                let record = record(epoch, generation, tokens);
                assert_eq!(judge(&Policy::default(), reason, Some(&record)), Adopt(epoch, generation), "{reason:?}");
            }
        }
    }
}

#[test]
fn a_newer_token_that_is_spent_is_replaced_with_its_own_refresh_token() {
    for (epoch, generation) in NEWER {
        for reason in REASONS {
            let record = record(epoch, generation, spent());
            assert_eq!(judge(&Policy::default(), reason, Some(&record)), Present(epoch, generation), "{reason:?}");
        }
    }
}

#[test]
fn the_same_token_is_replaced_whatever_it_is_worth() {
    for tokens in [fresh(), spent()] {
        for reason in [Reason::Due, Reason::Rejected, Reason::Forced] {
            let record = record(5, 7, tokens.clone());
            assert_eq!(judge(&Policy::default(), reason, Some(&record)), Present(5, 7), "{reason:?}");
        }
    }
}

#[test]
fn an_older_record_is_not_touched_and_its_refresh_token_not_presented() {
    let states = [RecordState::Active(fresh()), RecordState::Active(spent()), RecordState::LoggedOut];
    for (epoch, generation) in BEHIND {
        for reason in [Reason::Due, Reason::Rejected, Reason::Forced] {
            for state in &states {
                let record = Record::new(Epoch::new(epoch), Generation::new(generation), state.clone());
                let kind = ErrorKind::Refresh(FailureClass::Config);
                let expected = Failed(FailureClass::Config, kind);
                assert_eq!(judge(&Policy::default(), reason, Some(&record)), expected, "{epoch} {generation}");
            }
        }
    }
}

#[test]
fn a_logout_elsewhere_ends_the_session_here() {
    for (epoch, generation) in NEWER.into_iter().chain([(5, 7)]) {
        for reason in REASONS {
            let record = Record::new(Epoch::new(epoch), Generation::new(generation), RecordState::LoggedOut);
            assert_eq!(judge(&Policy::default(), reason, Some(&record)), Over(epoch, ErrorKind::LoggedOut));
        }
    }
}

#[test]
fn an_end_found_elsewhere_ends_the_session_here_for_the_same_reason() {
    let why = EndReason::new("invalid_grant").description("reused");
    for (epoch, generation) in NEWER.into_iter().chain([(5, 7)]) {
        for reason in REASONS {
            let state = RecordState::Ended { tokens: fresh(), reason: why.clone(), at: WALL };
            let record = Record::new(Epoch::new(epoch), Generation::new(generation), state);
            let expected = Over(epoch, ErrorKind::Ended(why.clone()));
            assert_eq!(judge(&Policy::default(), reason, Some(&record)), expected);
        }
    }
}

#[test]
fn an_empty_store_means_nobody_has_logged_in_and_one_that_was_emptied_is_a_logout() {
    let policy = Policy::default();
    assert_eq!(judge(&policy, Reason::Load, None), Over(0, ErrorKind::NotLoggedIn));
    for reason in [Reason::Due, Reason::Rejected, Reason::Forced] {
        assert_eq!(judge(&policy, reason, None), Over(5, ErrorKind::LoggedOut), "{reason:?}");
    }
}

fn anew() -> Policy {
    let mut policy = Policy::default();
    policy.needs_refresh_token = false;
    policy
}

#[test]
fn a_grant_that_needs_no_refresh_token_asks_anew_when_the_store_is_empty() {
    assert_eq!(judge(&anew(), Reason::Load, None), Present(0, 0));
    assert_eq!(judge(&anew(), Reason::Due, None), Present(5, 7));
}

#[test]
fn a_spent_token_without_a_refresh_token_needs_a_login_unless_the_grant_can_ask_anew() {
    let record = record(5, 7, unrefreshable(spent()));
    for reason in [Reason::Due, Reason::Rejected, Reason::Forced] {
        let expected = Failed(FailureClass::Config, ErrorKind::NoRefreshToken);
        assert_eq!(judge(&Policy::default(), reason, Some(&record)), expected);
        assert_eq!(judge(&anew(), reason, Some(&record)), Present(5, 7));
    }
}

fn replaying(reuse_policy: ReusePolicy) -> Policy {
    let mut policy = Policy::default();
    policy.reuse_policy = reuse_policy;
    policy
}

/// The record of epoch 5, generation 7, whose refresh token somebody claimed so long before `now`.
fn claimed(policy: &Policy, before: Duration, now: Now) -> Record {
    let mut record = record(5, 7, fresh());
    record.intent = Some(Intent::pending(Owner::new(1), now.wall - before + policy.lease_length()));
    record
}

///
#[test]
fn an_attempt_that_never_reported_back_is_not_repeated_while_the_access_token_lasts_unless_the_server_forgives() {
    const KEPT: Outcome = Failed(FailureClass::Ambiguous, ErrorKind::Refresh(FailureClass::Ambiguous));
    let window = ReusePolicy::grace(secs(1800));
    // Policy, seconds since the claim, what a usable token makes of it.
    let rows = [
        (ReusePolicy::Strict, 100, KEPT),
        (ReusePolicy::Strict, 100_000, KEPT),
        (ReusePolicy::NonRotating, 100, Present(5, 7)),
        (ReusePolicy::NonRotating, 100_000, Present(5, 7)),
        (window, 100, Present(5, 7)),
        (window, 1799, Present(5, 7)),
        (window, 1800, KEPT),
        (window, 100_000, KEPT),
    ];
    for (reuse_policy, since, usable) in rows {
        let policy = replaying(reuse_policy);
        let (plan, now) = plan(&policy, Reason::Due);
        let record = claimed(&policy, secs(since), now);
        assert_eq!(outcome(policy.reconcile(&plan, Some(&record), now)), usable, "{reuse_policy:?} after {since} s");
        // Nothing is left to lose once the access token is gone: then it is tried.
        assert_eq!(judge(&policy, Reason::Rejected, Some(&record)), Present(5, 7), "{reuse_policy:?} after {since} s");
        // Who reads the store for the first time has nothing to lose either.
        let mut spent = record.clone();
        spent.state = RecordState::Active(self::spent());
        assert_eq!(judge(&policy, Reason::Load, Some(&spent)), Present(5, 7));
    }
}

#[test]
fn a_newer_token_is_adopted_whatever_happened_to_its_refresh_token() {
    for reuse_policy in [ReusePolicy::Strict, ReusePolicy::NonRotating, ReusePolicy::grace(secs(60))] {
        let policy = replaying(reuse_policy);
        let mut record = record(5, 8, fresh());
        record.intent = Some(Intent::pending(Owner::new(1), WALL));
        assert_eq!(judge(&policy, Reason::Due, Some(&record)), Adopt(5, 8));
    }
}

fn adopted(tokens: StoredTokens, now: Now) -> Found {
    let policy = Policy::default();
    let plan = started(machine(policy.clone()).usable(now));
    match policy.reconcile(&plan, Some(&record(1, 1, tokens)), now) {
        Reconcile::Adopt(found) => found,
        other => panic!("expected an adoption, got {other:?}"),
    }
}

/// What is left of a found token, by its own clocks.
fn left(found: &Found, now: Now) -> Duration {
    found.lifetime.expect("a known lifetime").saturating_sub(now.since(found.anchor))
}

#[test]
fn a_found_token_has_the_age_the_wall_clock_gives_it() {
    let now = at(10_000);
    assert_eq!(left(&adopted(tokens(now.wall - secs(600), Some(HOUR)), now), now), secs(3000));
}

#[test]
fn a_token_from_the_future_has_no_age_and_no_more_than_its_lifetime() {
    // Received by a host whose wall clock is ahead, or before ours was set back.
    let now = at(10_000);
    let found = adopted(tokens(now.wall + secs(5000), Some(HOUR)), now);
    assert_eq!((found.anchor, left(&found, now)), (now, HOUR));
}

#[test]
fn a_token_older_than_the_boot_keeps_what_is_left_of_its_life() {
    // Ten seconds after the boot, a token of ten minutes ago.
    let now = at(10);
    let found = adopted(tokens(now.wall - secs(600), Some(HOUR)), now);
    assert_eq!(left(&found, now), secs(3000));
    let later = at(10 + 2999);
    assert!(later.since(found.anchor) < found.lifetime.expect("a lifetime"));
    assert!(at(10 + 3000).since(found.anchor) >= found.lifetime.expect("a lifetime"));
}

#[test]
fn a_found_token_without_a_lifetime_is_adopted_with_no_end() {
    let now = at(10_000);
    assert_eq!(adopted(tokens(WALL - 1000 * HOUR, None), now).lifetime, None);
}

#[test]
fn a_lifetime_of_centuries_in_the_store_is_cut() {
    let now = at(10_000);
    let found = adopted(tokens(now.wall, Some(Duration::MAX)), now);
    assert_eq!(found.lifetime, Some(tokenflight_core::MAX_LIFETIME));
}

/// The set of this file's tokens really carries what the tables rely on.
#[test]
fn stored_tokens_keep_the_old_refresh_token_when_the_answer_has_none() {
    let old = tokens(WALL, None).refresh.expect("a refresh token");
    let kept = StoredTokens::from_set(&TokenSet::new("next"), WALL, Some(&old));
    assert_eq!(kept.refresh.as_ref(), Some(&old));
    let replaced = StoredTokens::from_set(&TokenSet::new("next").refresh_token("new"), WALL, Some(&old));
    assert_eq!(replaced.refresh.expect("a refresh token").expose(), "new");
    let empty = StoredTokens::from_set(&TokenSet::new("next").refresh_token(""), WALL, Some(&old));
    assert_eq!(empty.refresh.as_ref(), Some(&old));
}
