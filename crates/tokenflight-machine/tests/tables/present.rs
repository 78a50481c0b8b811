//! When a stored refresh token may be presented.

use tokenflight_core::store::{ClockId, Doubt, Reading};
use tokenflight_machine::present::{Lengths, Watched, covers, doubt_of, lets_go, may_present};

use crate::tables::*;

const LENGTHS: Lengths = Lengths { request: secs(60), claim: secs(75), reserve: secs(5), least: secs(3), gap: secs(5) };

const ONE: Incarnation = Incarnation::new(1);
const TWO: Incarnation = Incarnation::new(2);

fn at_home_in(incarnation: Option<Incarnation>) -> Entry {
    let mut entry = committed(None, None, at(0));
    entry.home = incarnation;
    entry
}

fn facts(incarnation: Option<Incarnation>) -> Facts {
    let mut facts = Facts::none();
    facts.incarnation = incarnation;
    facts
}

const fn reading(seconds: u64) -> Reading {
    Reading { clock: ClockId::new(7), at: secs(seconds) }
}

#[test]
fn a_token_is_in_doubt_if_the_entry_says_so_or_a_foreign_claim_never_reported_or_the_storage_may_have_lost_one() {
    let (ours, theirs) = (Owner::new(1), Owner::new(2));
    let said = Doubt::since(Some(reading(3)));
    let with = |claim: Option<Owner>, doubt| {
        let mut entry = at_home_in(Some(ONE));
        if let Some(owner) = claim {
            entry = claimed(&entry, owner);
        }
        entry.doubt = doubt;
        entry
    };
    let since = with(Some(theirs), None).claim.and_then(|claim| claim.since);
    assert!(since.is_some());
    let rows = [
        (with(None, None), ONE, None),
        (with(None, Some(said)), ONE, Some(said)),
        (with(Some(theirs), Some(said)), ONE, Some(said)),
        (with(Some(theirs), None), ONE, Some(Doubt::since(since))),
        // An attempt of this session that is known to have sent nothing.
        (with(Some(ours), None), ONE, None),
        (with(Some(ours), None), TWO, Some(Doubt::since(None))),
        (with(None, None), TWO, Some(Doubt::since(None))),
        (Entry::default(), TWO, None),
    ];
    for (entry, incarnation, expected) in rows {
        assert_eq!(doubt_of(&entry, &facts(Some(incarnation)), Some(ours)), expected, "{entry:?}");
    }
}

fn claimed(entry: &Entry, owner: Owner) -> Entry {
    use tokenflight_core::store::{Body, Op, apply};
    let mut facts = Facts::in_process();
    facts.incarnation = entry.home;
    let body = Body::Claim { owner, seen: entry.op, length: secs(75), yields: None, holder: "a holder".into() };
    apply(Some(entry), &Op::new(entry.home, at(3), body), &facts).0.expect("granted")
}

#[test]
fn without_a_doubt_every_token_is_presented_and_in_doubt_the_server_decides() {
    let grace = ReusePolicy::grace(secs(60));
    let whole = Some(secs(60));
    // Policy, seconds since the doubt, with a usable access token, without one.
    let rows = [
        (ReusePolicy::Strict, 0, None, whole),
        (ReusePolicy::NonRotating, 0, whole, whole),
        (ReusePolicy::UntilUsed, 100, whole, whole),
        (grace, 0, whole, whole),
        (grace, 20, Some(secs(40)), Some(secs(40))),
        (grace, 57, Some(secs(3)), Some(secs(3))),
        (grace, 58, None, whole),
        (grace, 61, None, whole),
    ];
    for (policy, age, usable, dead) in rows {
        let doubt = Some(Doubt::since(Some(reading(10))));
        let answer = |doubt, usable| may_present(policy, doubt, Some(reading(10 + age)), usable, &LENGTHS);
        assert_eq!((answer(doubt, true), answer(doubt, false)), (usable, dead), "{policy:?} after {age} s");
        assert_eq!(answer(None, true), whole);
    }
}

#[test]
fn a_request_is_sent_only_if_the_claim_lasts_for_a_reserve_after_it() {
    for (age, request, sends) in [(0, 60, true), (10, 60, true), (11, 60, false), (60, 10, true), (61, 10, false)] {
        assert_eq!(covers(secs(age), secs(request), &LENGTHS), sends, "{age} {request}");
    }
    assert!(!covers(secs(10) + Duration::from_nanos(1), secs(60), &LENGTHS));
    assert!(!covers(Duration::MAX, secs(60), &LENGTHS));
}

#[test]
fn a_state_is_lost_if_the_storage_shows_an_ancestor_of_it_in_another_incarnation() {
    let old = at_home_in(Some(ONE));
    let mut known = committed(Some(&old), None, at(1));
    known.home = Some(ONE);
    assert!(facts(Some(TWO)).have_lost(&known, &old));
    assert!(!facts(Some(ONE)).have_lost(&known, &old), "nothing was lost");
    assert!(
        facts(Some(TWO)).have_lost(&known, &at_home_in(None)),
        "a retry across the change wrote it, for the same login"
    );
    let mut other = at_home_in(None);
    other.login = OpId::new(99);
    assert!(!facts(Some(TWO)).have_lost(&known, &other), "another line of history");
    assert!(!facts(Some(TWO)).have_lost(&known, &known) && !facts(Some(TWO)).have_lost(&old, &known));
}

#[test]
fn only_what_was_certainly_not_done_is_let_go() {
    let rows = [(StoreErrorKind::NotDone, true), (StoreErrorKind::Refused, true), (StoreErrorKind::Unknown, false)];
    for (kind, first) in rows {
        assert_eq!((lets_go(kind, false), lets_go(kind, true)), (first, false), "{kind:?}");
    }
}

#[test]
fn an_entry_is_watched_as_long_as_the_very_same_one_is_seen_without_a_gap_or_a_failure() {
    let (one, other) = (OpId::new(1), OpId::new(2));
    let mut watched = Watched::default();
    let mut saw = |op, incarnation, second| watched.saw(op, incarnation, secs(second), &LENGTHS).as_secs();
    assert_eq!([saw(one, None, 10), saw(one, None, 14), saw(one, None, 19)], [0, 4, 9]);
    assert_eq!([saw(other, None, 20), saw(other, None, 25)], [0, 5]);
    assert_eq!([saw(other, Some(ONE), 26), saw(other, Some(ONE), 27)], [0, 1], "another history");
    assert_eq!([saw(other, Some(ONE), 33), saw(other, Some(ONE), 34)], [0, 1], "not watched for six seconds");
    watched.broken();
    let mut saw = |second| watched.saw(other, Some(ONE), secs(second), &LENGTHS);
    assert_eq!([saw(35), saw(36)], [Duration::ZERO, secs(1)]);
    let mut short = Watched::default();
    short.saw(one, None, millis(0), &LENGTHS);
    assert_eq!(short.saw(one, None, secs(5) + millis(1), &LENGTHS), Duration::ZERO);
}
