//! The rules of `apply`, row by row.

use tokenflight_core::store::Timing;

use crate::support::*;

const DRAIN: Duration = Timing::DEFAULT.drain;
const QUIET: Duration = Timing::DEFAULT.quiet;

/// The answer to B's claim on A's, by a process that has watched for so long.
fn second_claim(claimed: &Entry, facts: &Facts, watched: Duration) -> (Option<Entry>, Reply) {
    apply(Some(claimed), &op(facts, claim(B, claimed)).watched(watched), facts)
}

#[test]
fn a_trusted_clock_frees_a_claim_at_its_end_after_a_quiet_time() {
    let (_, claimed) = logged_in(&clocked(100));
    for (now, watched, free) in [
        (100, QUIET, false),
        (174, LENGTH, false),
        (175, secs(14), false),
        (175, QUIET, true),
        (1_000, Duration::ZERO, false),
    ] {
        let (_, reply) = second_claim(&claimed, &clocked(now), watched);
        assert_eq!((is_granted(&reply), is_busy(&reply)), (free, !free), "at {now} s, watched for {watched:?}");
    }
}

#[test]
fn without_a_trusted_clock_a_claim_is_watched_for_its_whole_length() {
    let mut moved = clocked(100_000);
    moved.trusted = false;
    for facts in [Facts::none(), moved] {
        let (_, claimed) = logged_in(&facts);
        for (watched, free) in [(secs(74), false), (LENGTH, true)] {
            let (_, reply) = second_claim(&claimed, &facts, watched);
            assert_eq!(is_granted(&reply), free, "watched for {watched:?}");
        }
    }
}

#[test]
fn a_claim_of_another_clock_is_watched() {
    let (_, claimed) = logged_in(&Facts::in_process());
    assert!(is_busy(&second_claim(&claimed, &clocked(1_000_000), secs(74)).1));
    assert!(is_granted(&second_claim(&claimed, &clocked(1_000_000), LENGTH).1));
}

#[test]
fn the_lock_of_a_dead_holder_frees_its_claim_once_what_it_sent_has_arrived() {
    let locked = |seconds, lock| {
        let mut facts = clocked(seconds);
        facts.lock = Some(LockId::new(lock));
        facts
    };
    let (_, claimed) = logged_in(&locked(100, 1));
    let (dying, reply) = second_claim(&claimed, &locked(101, 1), Duration::ZERO);
    let dying = dying.unwrap();
    assert!(is_busy(&reply) && dying.claim.as_ref().is_some_and(|claim| claim.dying));
    for (now, free) in [(101, false), (105, false), (106, true)] {
        let (_, reply) = second_claim(&dying, &locked(now, 1), Duration::ZERO);
        assert_eq!(is_granted(&reply), free, "at {now} s");
    }
    // A lock proves nothing about a claim that was made under another one.
    for (now, free) in [(101, false), (174, false), (175, true)] {
        let (next, reply) = second_claim(&claimed, &locked(now, 2), Duration::ZERO);
        assert_eq!((is_granted(&reply), next.is_some()), (free, free), "at {now} s");
    }
    // Past its deadline, too, what a holder sent last is given time from the proof of its death.
    let (dying, reply) = second_claim(&claimed, &locked(500, 1), Duration::ZERO);
    assert!(is_busy(&reply));
    assert_eq!(dying.and_then(|entry| entry.claim).map(|claim| claim.until), Some(secs(500) + DRAIN));
    // Another boot of the machine: the holder is dead, and what it sent has arrived.
    let mut boot = locked(3, 1);
    boot.clock = Facts::at(ClockId::new(10), secs(3), true).clock;
    let (next, reply) = second_claim(&claimed, &boot, Duration::ZERO);
    assert!(is_granted(&reply) && next.is_some_and(|entry| entry.doubt.is_some()));
}

#[test]
fn a_claim_that_replaces_another_leaves_doubt_since_the_first() {
    let (_, claimed) = logged_in(&clocked(100));
    let since = claimed.claim.as_ref().unwrap().since;
    let (next, _) = second_claim(&claimed, &clocked(200), QUIET);
    let next = next.unwrap();
    assert_eq!(next.doubt, Some(Doubt::since(since)));
    let (third, _) = apply(Some(&next), &op(&clocked(300), claim(A, &next)).watched(QUIET), &clocked(300));
    assert_eq!(third.unwrap().doubt, Some(Doubt::since(since)), "the earliest counts");
}

#[test]
fn a_claim_on_another_entry_or_in_another_incarnation_is_changed() {
    let facts = within(ONE, clocked(100));
    let (entry, claimed) = logged_in(&facts);
    let (next, reply) = apply(Some(&claimed), &op(&facts, claim(B, &entry)), &facts);
    assert_eq!((next, reply), (None, Reply::Changed(claimed)));
    let born_before = op(&facts, claim(B, &entry));
    let (next, reply) = apply(Some(&entry), &born_before, &within(TWO, clocked(100)));
    assert_eq!((next, reply), (None, Reply::Changed(entry.clone())));
    for ended in [done(Some(&entry), &facts, end(A, &entry)), done(Some(&entry), &facts, logout())] {
        let (next, reply) = apply(Some(&ended), &op(&facts, claim(B, &ended)), &facts);
        assert_eq!((next, reply), (None, Reply::Changed(ended)));
    }
}

fn logout() -> Body {
    Body::Reset { base: None, tokens: None }
}

#[test]
fn an_entry_of_another_incarnation_is_in_quarantine_for_a_claims_length_and_then_in_doubt() {
    let (before, after) = (within(ONE, clocked(100)), within(TWO, clocked(100)));
    let (entry, _) = logged_in(&before);
    let ask = |watched| apply(Some(&entry), &op(&after, claim(B, &entry)).watched(watched), &after);
    assert!(is_busy(&ask(secs(74)).1));
    let (next, reply) = ask(LENGTH);
    assert!(is_granted(&reply));
    let next = next.unwrap();
    assert_eq!((next.home, next.doubt), (Some(TWO), Some(Doubt::since(None))));
}

#[test]
fn what_is_written_across_a_change_of_incarnation_has_no_home() {
    let (before, after) = (within(ONE, clocked(100)), within(TWO, clocked(100)));
    let (entry, claimed) = logged_in(&before);
    for body in [commit(&claimed, 2), login(2)] {
        let (next, _) = apply(Some(&entry), &op(&before, body.clone()), &after);
        assert_eq!(next.unwrap().home, None);
        assert_eq!(done(Some(&entry), &after, body).home, Some(TWO));
    }
}

#[test]
fn again_writes_a_lost_descendant_verbatim_and_nothing_else() {
    let (before, after) = (within(ONE, clocked(100)), within(TWO, clocked(100)));
    let (entry, claimed) = logged_in(&before);
    let lost = done(Some(&claimed), &before, commit(&claimed, 2));
    let again = |record: &Entry| Body::Again { record: Box::new(record.clone()) };
    let restored = done(Some(&entry), &after, again(&lost));
    let expected = {
        let mut lost = lost.clone();
        lost.op = restored.op;
        lost
    };
    assert_eq!(restored, expected, "its home, too: it stays in quarantine");
    let refused = |stored: &Entry, record: &Entry, facts: &Facts| {
        let (next, reply) = apply(Some(stored), &op(facts, again(record)), facts);
        assert!(next.is_none() && matches!(reply, Reply::Conflict(_)), "{reply:?}");
    };
    refused(&entry, &lost, &before);
    refused(&lost, &entry, &after);
    let fresh = done(Some(&entry), &after, login(3));
    refused(&fresh, &lost, &after);
    // Another line of history is no ancestor, whatever its numbers.
    let homeless = apply(Some(&entry), &op(&before, login(2)), &after).0.unwrap();
    let mut far_ahead = lost.clone();
    far_ahead.rotation += 100;
    far_ahead.epoch = homeless.epoch.next();
    refused(&homeless, &far_ahead, &after);
    let (next, reply) = apply(Some(&restored), &op(&after, again(&lost)), &after);
    assert!(next.is_none() && matches!(reply, Reply::Stored { .. }), "it is there already");
}

#[test]
fn a_commit_or_end_is_compared_with_all_four() {
    let facts = clocked(100);
    let (_, claimed) = logged_in(&facts);
    for which in 0..4 {
        let mut bodies = [commit(&claimed, 2), end(A, &claimed)];
        for body in &mut bodies {
            let (Body::Commit { epoch, login, over, presented, .. } | Body::End { epoch, login, over, presented, .. }) =
                body
            else {
                unreachable!()
            };
            match which {
                0 => *epoch = epoch.next(),
                1 => *login = OpId::unique(),
                2 => *over = OpId::unique(),
                _ => *presented = Some(RefreshToken::new("another")),
            }
            let (next, reply) = apply(Some(&claimed), &op(&facts, body.clone()), &facts);
            assert_eq!((next, reply), (None, Reply::Conflict(claimed.clone())));
        }
    }
    let committed = done(Some(&claimed), &facts, commit(&claimed, 2));
    assert_eq!((committed.rotation, &committed.claim, committed.doubt), (claimed.rotation + 1, &None, None));
    let ended = done(Some(&claimed), &facts, end(A, &claimed));
    assert_eq!((ended.order(), &ended.claim, ended.tokens()), (claimed.order(), &None, claimed.tokens()));
    let revived = done(Some(&ended), &facts, commit(&claimed, 2));
    assert!(matches!(revived.state, EntryState::Active(_)));
    let (next, _) = apply(Some(&claimed), &op(&facts, end(B, &claimed)), &facts);
    assert_eq!(next, None, "another has the claim");
}

#[test]
fn a_missing_entry_counts_as_epoch_zero_without_tokens() {
    let facts = clocked(100);
    let nothing = Entry::default();
    let first = done(None, &facts, commit(&nothing, 1));
    assert_eq!((first.epoch.get(), first.rotation, first.tokens()), (0, 1, Some(&tokens(1))));
    assert!(done(None, &facts, claim(A, &nothing)).claim.is_some());
    for body in [end(A, &nothing), Body::Reset { base: Some(OpId::unique()), tokens: None }] {
        assert_eq!(apply(None, &op(&facts, body), &facts).0, None);
    }
    assert_eq!(apply(None, &op(&facts, settle(A, STRICT)), &facts), (None, Reply::Nothing));
}

#[test]
fn a_settled_attempt_leaves_what_is_known() {
    let facts = clocked(100);
    let (entry, claimed) = logged_in(&facts);
    let since = Some(Doubt::since(claimed.claim.as_ref().unwrap().since));
    let settled = |on: &Entry, outcome| done(Some(on), &clocked(110), settle(A, outcome));
    let untouched = settled(&claimed, Outcome::Untouched);
    assert_eq!((&untouched.claim, untouched.doubt, &untouched.state), (&None, None, &entry.state));
    let grace = |seconds| ReusePolicy::Grace { window: secs(seconds) };
    // It began ten seconds ago, and may be on its way for five more.
    for policy in [grace(15), grace(30), ReusePolicy::NonRotating] {
        let doubtful = settled(&claimed, Outcome::Ambiguous(policy));
        assert_eq!((&doubtful.claim, doubtful.doubt), (&None, since));
        let again = done(Some(&doubtful), &facts, claim(A, &doubtful));
        assert_eq!(settled(&again, Outcome::Untouched).doubt, since, "it is not this attempt's to lift");
    }
    for policy in [ReusePolicy::Strict, ReusePolicy::UntilUsed, grace(14), grace(0)] {
        let kept = settled(&claimed, Outcome::Ambiguous(policy));
        assert_eq!((kept.claim.unwrap().until, kept.doubt), (secs(110) + DRAIN, since), "{policy:?}");
    }
    let mut jumped = clocked(110);
    jumped.trusted = false;
    let unsure = done(Some(&claimed), &jumped, settle(A, Outcome::Ambiguous(grace(30))));
    assert!(unsure.claim.is_some(), "a clock that has jumped cannot tell");
    let late = done(Some(&claimed), &clocked(174), settle(A, STRICT));
    assert_eq!(late.claim.unwrap().until, secs(175), "never longer than before");
    assert_eq!(apply(Some(&claimed), &op(&facts, settle(B, STRICT)), &facts), (None, Reply::Nothing));
}

#[test]
fn a_reset_is_compared_with_its_base_and_tells_what_it_replaced() {
    let facts = clocked(100);
    let (entry, _) = logged_in(&facts);
    let reset = |base| Body::Reset { base, tokens: Some(tokens(2)) };
    let (next, reply) = apply(Some(&entry), &op(&facts, reset(Some(OpId::unique()))), &facts);
    assert_eq!((next, reply), (None, Reply::Overtaken(entry.clone())));
    for base in [None, Some(entry.login)] {
        let mut op = op(&facts, reset(base));
        let (next, reply) = apply(Some(&entry), &op, &facts);
        let next = next.unwrap();
        assert_eq!((next.epoch, next.rotation), (entry.epoch.next(), entry.rotation + 1));
        assert_eq!((next.op, next.login, next.set), (op.id, op.id, op.id));
        assert_eq!(reply, Reply::Stored { entry: next.clone(), replaced: Some(tokens(1)) });
        // The answer was lost: the entry of the last try tells.
        op.tried = Some(Box::new(entry.clone()));
        let (again, reply) = apply(Some(&next), &op, &facts);
        assert_eq!((again, reply), (None, Reply::Stored { entry: next, replaced: Some(tokens(1)) }));
    }
}

#[test]
fn what_was_applied_before_is_recognised_after_others_wrote() {
    let facts = within(ONE, clocked(100));
    let first = op(&facts, login(1));
    let entry = apply(None, &first, &facts).0.unwrap();
    let claiming = op(&facts, claim(A, &entry));
    let claimed = apply(Some(&entry), &claiming, &facts).0.unwrap();
    assert!(matches!(apply(Some(&claimed), &first, &facts), (None, Reply::Stored { .. })));
    assert!(matches!(apply(Some(&claimed), &claiming, &facts), (None, Reply::Granted(_))));
    // A claim that was lost and came back with a failover is not the claim of now.
    let (next, reply) = apply(Some(&claimed), &claiming, &within(TWO, clocked(100)));
    assert!(next.is_none() && matches!(reply, Reply::Changed(_)), "{reply:?}");
    let committing = op(&facts, commit(&claimed, 2));
    let committed = apply(Some(&claimed), &committing, &facts).0.unwrap();
    let next = done(Some(&committed), &facts, claim(B, &committed));
    assert!(matches!(apply(Some(&next), &committing, &facts), (None, Reply::Stored { .. })));
    assert!(matches!(apply(Some(&next), &first, &facts), (None, Reply::Stored { .. })), "the login is still the same");
    assert!(matches!(apply(Some(&next), &claiming, &facts), (None, Reply::Changed(_))), "that claim is over");
}

/// Set 1, claimed by B after an attempt of A's that may have been processed.
fn doubtful(facts: &Facts) -> Entry {
    let (_, claimed) = logged_in(facts);
    let settled = done(Some(&claimed), facts, settle(A, Outcome::Ambiguous(ReusePolicy::NonRotating)));
    let doubtful = done(Some(&settled), facts, claim(B, &settled));
    assert!(doubtful.doubt.is_some() && doubtful.claim.is_some());
    doubtful
}

#[test]
fn what_brings_other_tokens_or_an_end_lifts_claim_and_doubt() {
    let facts = clocked(100);
    let entry = doubtful(&facts);
    for body in [commit(&entry, 2), end(B, &entry), login(2), logout()] {
        let next = done(Some(&entry), &facts, body);
        assert_eq!((next.claim, next.doubt), (None, None), "{:?}", next.state);
    }
}

#[test]
fn without_a_clock_a_holder_that_sends_no_more_is_watched_until_it_has_arrived() {
    let facts = Facts::none();
    let (_, claimed) = logged_in(&facts);
    let settled = done(Some(&claimed), &facts, settle(A, STRICT));
    assert_eq!(settled.claim.map(|claim| claim.length), Some(DRAIN));
}

#[test]
fn a_lost_state_is_related_by_home_or_by_login_and_comes_back_without_its_claim() {
    let (before, after) = (within(ONE, clocked(100)), within(TWO, clocked(100)));
    let (entry, _) = logged_in(&before);
    let again = |stored: &Entry, record: &Entry| {
        let op = op(&after, Body::Again { record: Box::new(record.clone()) });
        (op.id, apply(Some(stored), &op, &after))
    };
    // Of another login, in the same home; and of the same login, written across another change.
    let by_home = done(Some(&entry), &before, login(2));
    let by_login = apply(Some(&entry), &op(&before, commit(&entry, 2)), &after).0.unwrap();
    assert_eq!((by_login.home, by_login.login, by_home.home), (None, entry.login, entry.home));
    let mut claimed = doubtful(&before);
    claimed.rotation += 1;
    for record in [by_home, by_login, claimed] {
        let (id, (next, reply)) = again(&entry, &record);
        let next = next.unwrap_or_else(|| panic!("{reply:?}"));
        assert_eq!((next.op, next.set, next.claim, next.doubt), (id, record.set, None, None));
    }
    // Two successors of one state: neither is the other's ancestor.
    let [one, other] = [2, 3].map(|n| done(Some(&entry), &before, commit(&entry, n)));
    assert!(matches!(again(&one, &other).1, (None, Reply::Conflict(_))));
}
