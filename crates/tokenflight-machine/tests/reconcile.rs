//! What a store's entry means for a refresh, row by row.

mod support;

use std::{sync::Arc, time::Duration};

use support::{
    HOUR, WALL, at, committed, ended_entry, machine, policy, refusal, reset, rules, secs, session, tokens,
    unrefreshable,
};
use tokenflight_core::{
    ErrorKind, FailureClass, MAX_LIFETIME,
    grant::{Reason, ReusePolicy},
    store::{Body, ClockId, Entry, EntryState, Facts, Incarnation, Op, Owner, Reading, Seen, StoredTokens, apply},
};
use tokenflight_machine::{Plan, Policy, Reconcile, Rules, Times};

/// An answer in few words.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Adopt,
    Over,
    Claim(Duration),
    Again,
    KeptBack,
    Refuse(ErrorKind),
}
use Answer::{Adopt, Again, Claim, KeptBack, Over, Refuse};

/// A request in full.
const WHOLE: Answer = Claim(secs(60));
const CONFIG: Answer = Refuse(ErrorKind::Refresh(FailureClass::Config));

fn judge_with(rules: &Rules, plan: &Plan, entry: Option<&Entry>, facts: Facts) -> Answer {
    match rules.reconcile(plan, &Seen::new(entry.cloned(), facts), plan.started) {
        Reconcile::Adopt(_) => Adopt,
        Reconcile::Over => Over,
        Reconcile::Claim { request } => Claim(request),
        Reconcile::Again => Again,
        Reconcile::KeptBack => KeptBack,
        Reconcile::Refuse(error) => Refuse(error.kind().clone()),
    }
}

fn judge(plan: &Plan, entry: Option<&Entry>) -> Answer {
    judge_with(&rules(Policy::default()), plan, entry, Facts::in_process())
}

/// What that session sets out with, for each reason; its token is usable for `Due` and `Forced`.
fn plans() -> Vec<Plan> {
    let session = session();
    let mut rejected = session.clone();
    let plans = vec![
        session.clone().tick(at(3000)).refresh.expect("a renewal"),
        support::started(session.clone().force(at(100))),
        support::started(rejected.refused(refusal(&session), at(100))),
    ];
    assert_eq!(
        plans.iter().map(|plan| plan.reason).collect::<Vec<_>>(),
        [Reason::Due, Reason::Forced, Reason::Rejected]
    );
    plans
}

/// The plan of a session that has not seen the store.
fn unread() -> Plan {
    support::started(machine(Policy::default()).usable(None, at(100)))
}

fn known(plan: &Plan) -> &Entry {
    plan.known.as_ref().expect("a stored entry")
}

fn with(entry: &Entry, change: impl FnOnce(&mut Entry)) -> Entry {
    let mut entry = entry.clone();
    change(&mut entry);
    entry
}

/// Whatever it is: a successor, or another login.
fn newer(entry: &Entry, lifetime: Option<Duration>, received: u64) -> [Entry; 2] {
    let next = committed(Some(entry), lifetime, at(received));
    [next, reset(Some(entry), Some(tokens(at(received).wall, lifetime)), at(received))]
}

#[test]
fn a_newer_token_that_can_be_used_is_adopted_without_a_token_request() {
    for plan in plans() {
        for lifetime in [Some(HOUR), None] {
            for entry in newer(known(&plan), lifetime, 90) {
                assert_eq!(judge(&plan, Some(&entry)), Adopt, "{:?}", plan.reason);
                let state = EntryState::Active(unrefreshable(entry.tokens().expect("tokens").clone()));
                assert_eq!(judge(&plan, Some(&with(&entry, |entry| entry.state = state))), Adopt);
                assert_eq!(judge(&unread(), Some(&entry)), Adopt);
            }
        }
    }
}

/// A database that was restored may have another history at the same place.
#[test]
fn another_token_set_at_the_same_place_of_the_history_is_newer_too() {
    let plan = &plans()[0];
    let other = committed(None, Some(HOUR), at(90));
    let entry = with(&other, |entry| (entry.epoch, entry.rotation) = known(plan).order());
    assert_eq!(judge(plan, Some(&entry)), Adopt);
}

#[test]
fn a_newer_token_that_is_spent_is_replaced_with_its_own_refresh_token() {
    for plan in plans() {
        for entry in newer(known(&plan), Some(secs(10)), 90) {
            assert_eq!(judge(&plan, Some(&entry)), WHOLE, "{:?}", plan.reason);
            assert_eq!(judge(&unread(), Some(&entry)), WHOLE);
        }
        // So is one that is no access token at all.
        let alone = with(&committed(Some(known(&plan)), None, at(90)), |entry| {
            let mut tokens = tokens(WALL, None);
            tokens.access = None;
            entry.state = EntryState::Active(tokens);
        });
        assert_eq!(judge(&plan, Some(&alone)), WHOLE);
    }
}

#[test]
fn the_same_token_is_replaced_whatever_it_is_worth() {
    for plan in plans() {
        assert_eq!(judge(&plan, plan.known.as_deref()), WHOLE, "{:?}", plan.reason);
        let claimed = with(known(&plan), |entry| entry.op = tokenflight_core::store::OpId::unique());
        assert_eq!(judge(&plan, Some(&claimed)), WHOLE);
    }
}

#[test]
fn an_older_entry_is_not_touched_and_its_refresh_token_not_presented() {
    for mut plan in plans() {
        let old = plan.known.clone().expect("a stored entry");
        for next in newer(&old, Some(HOUR), 90) {
            plan.known = Some(Arc::new(next));
            for state in [old.state.clone(), EntryState::LoggedOut, EntryState::Empty] {
                let entry = with(&old, |entry| entry.state = state);
                assert_eq!(judge(&plan, Some(&entry)), CONFIG, "{:?}", plan.reason);
            }
        }
    }
}

#[test]
fn what_the_storage_has_lost_with_its_history_is_written_back() {
    let (one, two) = (Incarnation::new(1), Incarnation::new(2));
    let mut plan = plans().remove(0);
    let old = with(known(&plan), |entry| entry.home = Some(one));
    let known = with(&committed(Some(&old), Some(HOUR), at(90)), |entry| entry.home = Some(one));
    plan.known = Some(Arc::new(known.clone()));
    let judge = |entry: &Entry, incarnation| {
        let facts = with_incarnation(incarnation);
        judge_with(&rules(Policy::default()), &plan, Some(entry), facts)
    };
    assert_eq!(judge(&old, two), Again);
    assert_eq!(judge(&old, one), CONFIG, "the storage has lost nothing");
    assert_eq!(judge(&with(&old, |entry| entry.home = None), two), Again, "a retry across the change wrote it");
    let other = with(&old, |entry| (entry.home, entry.login) = (None, tokenflight_core::store::OpId::new(99)));
    assert_eq!(judge(&other, two), CONFIG, "another line of history");
    assert_eq!(judge(&known, two), KeptBack, "nothing is lost, but a claim may be");
    assert_eq!(judge(&known, one), WHOLE);
}

fn with_incarnation(incarnation: Incarnation) -> Facts {
    let mut facts = Facts::in_process();
    facts.incarnation = Some(incarnation);
    facts
}

#[test]
fn a_logout_elsewhere_ends_the_session_here() {
    for plan in plans().into_iter().chain([unread()]) {
        assert_eq!(judge(&plan, Some(&reset(plan.known.as_deref(), None, at(90)))), Over, "{:?}", plan.reason);
    }
}

#[test]
fn an_end_found_elsewhere_is_one_here_and_its_token_lives_on() {
    for plan in plans() {
        let lives = ended_entry(&committed(Some(known(&plan)), Some(HOUR), at(90)), at(95));
        let spent = ended_entry(&committed(Some(known(&plan)), Some(secs(5)), at(90)), at(95));
        assert_eq!((judge(&plan, Some(&lives)), judge(&plan, Some(&spent))), (Adopt, Over), "{:?}", plan.reason);
        assert_eq!((judge(&unread(), Some(&lives)), judge(&unread(), Some(&spent))), (Adopt, Over));
    }
}

/// The session knows by its own clock how old its token is; read from the store again, only the
/// wall clock would tell, and that may have been set back.
#[test]
fn an_end_of_tokens_that_are_known_adopts_nothing() {
    for plan in plans() {
        let ended = ended_entry(known(&plan), at(95));
        assert_eq!(judge(&plan, Some(&ended)), Over, "{:?}", plan.reason);
    }
}

fn anew() -> Rules {
    let mut rules = Rules::new(Policy::default()).expect("a sane policy");
    rules.needs_refresh_token = false;
    rules
}

#[test]
fn an_empty_store_is_the_end_unless_the_grant_can_ask_anew() {
    let empty = Entry::default();
    for plan in plans().into_iter().chain([unread()]) {
        let rows = [(None, Over, WHOLE), (plan.known.is_none().then_some(&empty), Over, WHOLE)];
        for (entry, over, asks) in rows {
            assert_eq!(judge(&plan, entry), over);
            assert_eq!(judge_with(&anew(), &plan, entry, Facts::in_process()), asks);
        }
    }
}

#[test]
fn a_spent_token_without_a_refresh_token_needs_a_login_unless_the_grant_can_ask_anew() {
    for plan in plans() {
        let entry = with(known(&plan), |entry| {
            entry.state = EntryState::Active(unrefreshable(entry.tokens().expect("tokens").clone()));
        });
        assert_eq!(judge(&plan, Some(&entry)), Refuse(ErrorKind::NoRefreshToken));
        assert_eq!(judge_with(&anew(), &plan, Some(&entry), Facts::in_process()), WHOLE);
    }
}

/// Neither token is for whom this session speaks to: a changed set-up, or a key two grants share.
#[test]
fn tokens_of_another_issuer_or_client_are_neither_adopted_nor_presented() {
    let mut rules = Rules::new(Policy::default()).expect("a sane policy");
    (rules.issuer, rules.client_id) = (Some("https://as.example".into()), Some("us".into()));
    let named = |issuer, client| {
        let tokens = tokens(at(90).wall, Some(HOUR)).issued_by(issuer).issued_to(client);
        let entry = committed(None, None, at(90));
        let ended = ended_entry(&with(&entry, |entry| entry.state = EntryState::Active(tokens.clone())), at(95));
        [with(&entry, |entry| entry.state = EntryState::Active(tokens)), ended]
    };
    let rows = [
        (Some("https://as.example"), Some("us"), Adopt),
        (None, None, Adopt),
        // The same server, known by its origin, or written otherwise.
        (Some("https://as.example/tenant"), Some("us"), Adopt),
        (Some("https://AS.example:443/"), Some("us"), Adopt),
        (Some("https://as.example"), Some("them"), CONFIG),
        (Some("https://other.example"), Some("us"), CONFIG),
        (Some("https://other.example"), None, CONFIG),
    ];
    for (issuer, client, expected) in rows {
        for entry in named(issuer, client) {
            let answer = judge_with(&rules, &unread(), Some(&entry), Facts::in_process());
            assert_eq!(answer, expected, "{issuer:?} {client:?} {:?}", entry.state);
        }
    }
    // A session that names neither takes what it finds.
    assert_eq!(judge(&unread(), Some(&named(Some("https://other.example"), Some("them"))[0])), Adopt);
}

/// The entry under a claim that was made so long before `now`.
fn claimed(entry: &Entry, before: Duration, now: tokenflight_core::Now) -> Entry {
    let (length, holder) = (secs(75), "another".into());
    let body = Body::Claim { owner: Owner::unique(), seen: entry.op, length, yields: None, holder };
    apply(Some(entry), &Op::new(None, now.back(before), body), &Facts::in_process()).0.expect("granted")
}

#[test]
fn an_attempt_that_never_reported_is_not_repeated_while_the_access_token_lasts_unless_the_server_forgives() {
    let window = ReusePolicy::grace(secs(1800));
    // Policy, seconds since the doubt, what a usable token makes of it.
    let rows = [
        (ReusePolicy::Strict, 100, KeptBack),
        (ReusePolicy::Strict, 2900, KeptBack),
        (ReusePolicy::NonRotating, 100, WHOLE),
        (ReusePolicy::UntilUsed, 2900, WHOLE),
        (window, 100, WHOLE),
        // The request must end in the window, and have three seconds at least.
        (window, 1750, Claim(secs(50))),
        (window, 1797, Claim(secs(3))),
        (window, 1798, KeptBack),
        (window, 2900, KeptBack),
    ];
    for (reuse_policy, since, usable) in rows {
        let rules = rules(policy(|policy| policy.reuse_policy = Some(reuse_policy)));
        let [due, _, rejected] = &plans()[..] else { panic!("three plans") };
        let claim = claimed(known(due), secs(since), due.started);
        let now = Facts::in_process().now(due.started.back(secs(since)));
        let doubted = with(known(due), |entry| entry.doubt = Some(tokenflight_core::store::Doubt::since(now)));
        // Another holder's claim is no doubt while in force: whether it is, the store decides.
        assert_eq!(judge_with(&rules, due, Some(&claim), Facts::in_process()), WHOLE);
        assert_eq!(judge_with(&rules, due, Some(&doubted), Facts::in_process()), usable, "{reuse_policy:?} {since} s");
        // Without a usable access token nothing is left to lose: then it is tried.
        let mut dead = due.clone();
        dead.usable = rejected.usable;
        let expected = if usable == KeptBack { WHOLE } else { usable };
        assert_eq!(judge_with(&rules, &dead, Some(&doubted), Facts::in_process()), expected);
        dead.usable = Some(Duration::ZERO);
        assert!(!dead.is_usable(dead.started));
    }
    // A doubt by another clock, or at any time, is as old as can be.
    let due = &plans()[0];
    for since in [None, Some(Reading { clock: ClockId::new(9), at: at(2990).boot })] {
        let doubted = with(known(due), |entry| entry.doubt = Some(tokenflight_core::store::Doubt::since(since)));
        let rules = rules(policy(|policy| policy.reuse_policy = Some(window)));
        assert_eq!(judge_with(&rules, due, Some(&doubted), Facts::in_process()), KeptBack);
    }
}

#[test]
fn a_newer_token_is_adopted_whatever_happened_to_its_refresh_token() {
    let plan = &plans()[0];
    let doubt = Some(tokenflight_core::store::Doubt::since(None));
    let entry = with(&committed(Some(known(plan)), Some(HOUR), at(2990)), |entry| entry.doubt = doubt);
    assert_eq!(judge(plan, Some(&entry)), Adopt);
    // If its access token has run out and ours has not, ours serves until then.
    let spent = with(&committed(Some(known(plan)), Some(secs(5)), at(2990)), |entry| entry.doubt = doubt);
    assert_eq!(judge(plan, Some(&spent)), KeptBack);
}

fn times(tokens: &StoredTokens, second: u64) -> Times {
    rules(Policy::default()).times(tokens, at(second)).expect("an access token")
}

/// What is left of a found token, by its own clocks.
fn left(times: &Times, second: u64) -> Duration {
    times.lifetime.expect("a known lifetime").saturating_sub(at(second).since(times.anchor))
}

#[test]
fn a_found_token_has_the_age_the_wall_clock_gives_it() {
    assert_eq!(left(&times(&tokens(at(9400).wall, Some(HOUR)), 10_000), 10_000), secs(3000));
}

#[test]
fn a_token_from_the_future_has_no_age_and_no_more_than_its_lifetime() {
    // Received by a host whose wall clock is ahead, or before ours was set back.
    let times = times(&tokens(at(15_000).wall, Some(HOUR)), 10_000);
    assert_eq!((times.anchor, left(&times, 10_000)), (at(10_000), HOUR));
}

#[test]
fn a_token_older_than_the_boot_keeps_what_is_left_of_its_life() {
    // Ten seconds after the boot, a token of ten minutes ago.
    let times = times(&tokens(at(10).wall - secs(600), Some(HOUR)), 10);
    assert_eq!((left(&times, 10), left(&times, 3009), left(&times, 3010)), (secs(3000), secs(1), Duration::ZERO));
}

#[test]
fn a_token_that_was_spent_long_ago_is_as_old_as_it_could_get() {
    let times = times(&tokens(at(10).wall, Some(secs(60))), 10_000);
    assert_eq!((times.anchor, left(&times, 10_000)), (at(9940), Duration::ZERO));
}

#[test]
fn a_found_token_without_a_lifetime_is_as_old_as_the_configured_one_or_new() {
    let found = tokens(WALL - 1000 * HOUR, None);
    assert_eq!(times(&found, 10_000), Times::new(at(10_000), None));
    let rules = rules(policy(|policy| policy.default_lifetime = Some(secs(900))));
    assert_eq!(rules.times(&found, at(10_000)).map(|times| times.anchor), Some(at(9100)));
}

#[test]
fn a_lifetime_of_centuries_in_the_store_is_cut() {
    assert_eq!(times(&tokens(at(10_000).wall, Some(Duration::MAX)), 10_000).lifetime, Some(MAX_LIFETIME));
}

#[test]
fn without_an_access_token_there_are_no_times() {
    let mut alone = tokens(WALL, None);
    alone.access = None;
    assert_eq!(rules(Policy::default()).times(&alone, at(0)), None);
}
