//! When nothing starts by itself: idle sessions, suspends, and the first moments of a driver.

use crate::tables::*;

/// How often a driver renews within so many seconds; the session is used at these.
fn renewals(machine: &mut Session, until: u64, used: &[u64]) -> u32 {
    let (mut count, mut now, mut used) = (0, at(0), used.iter().peekable());
    loop {
        let tick = machine.tick(now);
        if let Some(plan) = tick.refresh {
            count += 1;
            machine.finish(&plan, obtained(&plan, Some(HOUR)), now, 0);
            continue;
        }
        let next = tick.next.into_iter().chain(used.peek().map(|second| secs(**second))).min();
        let Some(next) = next.filter(|next| *next < secs(until)) else { return count };
        assert!(next > now.boot, "a driver that spins");
        now = moment(next);
        if used.next_if(|second| secs(**second) <= next).is_some() {
            machine.note_use();
        }
    }
}

#[test]
fn over_a_shared_store_an_unused_session_is_renewed_for_two_lifetimes_and_no_more() {
    assert_eq!(renewals(&mut session(), 100_000, &[]), 2);
    // Used once, while it lives: for two more.
    assert_eq!(renewals(&mut session(), 100_000, &[6000]), 4);
    // Used in each lifetime: always.
    let used: Vec<_> = (0..40).map(|time| 2500 * time + 100).collect();
    assert_eq!(renewals(&mut session(), 100_000, &used), 39);
}

#[test]
fn a_login_is_a_use_however_long_the_session_was_idle() {
    let mut machine = session();
    assert_eq!(renewals(&mut machine, 100_000, &[]), 2);
    login(&mut machine, Some(HOUR), at(100_000));
    store(&mut machine, at(100_000));
    assert!(machine.tick(at(102_520)).refresh.is_some());
}

#[test]
fn elsewhere_or_if_so_set_it_is_renewed_always() {
    let mut private = rules(Policy::default());
    Arc::get_mut(&mut private).expect("not shared").private_store = true;
    for rules in [private, rules(policy(|policy| policy.idle_gate = false))] {
        let mut machine = Machine::new(rules);
        login(&mut machine, Some(HOUR), at(0));
        store(&mut machine, at(0));
        assert_eq!(renewals(&mut machine, 100_000, &[]), 39);
    }
}

#[test]
fn an_unused_session_whose_token_has_run_out_is_left_alone_until_a_caller_comes() {
    let mut machine = session();
    let plan = machine.tick(at(2520)).refresh.expect("a renewal");
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(2520), 0);
    assert!(machine.clone().tick(at(2520 + 3599)).refresh.is_some(), "it was used in its last lifetime");
    let tick = machine.tick(at(2520 + 3600));
    assert!(tick.refresh.is_none() && tick.next.is_none(), "{tick:?}");
    let mut driven = machine.clone();
    driven.note_use();
    assert!(driven.tick(at(2520 + 3600)).refresh.is_some());
    assert_eq!(started(machine.usable(None, at(2520 + 3600))).reason, Reason::Due);
}

#[test]
fn after_a_suspend_nothing_starts_by_itself_for_a_minute() {
    for (delay, policy) in [(60, Policy::default()), (7, policy(|policy| policy.resume_delay = secs(7)))] {
        let mut machine = logged_in(policy, Some(HOUR));
        machine.resume(at(100_000));
        let tick = machine.tick(at(100_000));
        assert!(tick.refresh.is_none() && tick.next == Some(secs(100_000 + delay)), "{tick:?}");
        assert!(machine.clone().tick(at(100_000 + delay)).refresh.is_some());
        // A caller does not wait for that.
        assert_eq!(started(machine.usable(None, at(100_000))).reason, Reason::Due);
    }
}

/// A laptop that wakes every quarter of an hour for twenty seconds.
#[test]
fn two_hundred_dark_wakes_start_nothing() {
    let mut machine = session();
    for wake in 1..=200 {
        let woken = 100_000 + 900 * wake;
        machine.resume(at(woken));
        for second in 0..20 {
            assert!(machine.tick(at(woken + second)).refresh.is_none());
        }
    }
}

#[test]
fn a_driver_starts_no_renewal_in_its_own_first_five_seconds() {
    let mut machine = session();
    machine.settle_in(at(3000));
    assert_eq!(machine.tick(at(3000)).next, Some(secs(3005)));
    assert!(machine.tick(at(3004)).refresh.is_none());
    assert!(machine.tick(at(3005)).refresh.is_some());
    // A shorter rest does not cut a longer one short.
    let mut machine = session();
    machine.resume(at(3000));
    machine.settle_in(at(3000));
    assert_eq!(machine.tick(at(3000)).next, Some(secs(3060)));
}

/// Who has no token waits for one.
#[test]
fn a_driver_that_has_just_begun_obtains_the_first_token_of_a_login_at_once() {
    let mut machine = machine(Policy::default());
    machine.login(None, Times::new(at(0), None), tokens(at(0).wall, None), at(0), 0);
    store(&mut machine, at(0));
    machine.settle_in(at(10));
    assert_eq!(machine.tick(at(10)).refresh.map(|plan| plan.reason), Some(Reason::Due));
}

/// An open stream is told of the next token before its own runs out.
#[test]
fn a_driver_that_has_just_begun_renews_a_token_of_a_few_seconds_before_its_end() {
    let mut machine = machine(Policy::default());
    login(&mut machine, Some(secs(4)), at(100));
    store(&mut machine, at(100));
    machine.settle_in(at(100));
    let next = machine.tick(at(100)).next.expect("a renewal");
    assert_eq!(next, secs(104) - secs(4) / 8);
    assert!(machine.tick(moment(next)).refresh.is_some());
    // A second before the end of a longer life.
    let mut machine = session();
    machine.settle_in(at(3597));
    assert_eq!(machine.tick(at(3597)).next, Some(secs(3599)));
}

/// That costs the authorization server nothing.
#[test]
fn a_driver_reads_the_store_and_stores_what_is_unsaved_at_once() {
    let mut machine = machine(Policy::default());
    machine.settle_in(at(0));
    machine.resume(at(0));
    assert_eq!(machine.clone().tick(at(0)).refresh.map(|plan| plan.reason), Some(Reason::Load));
    login(&mut machine, Some(HOUR), at(0));
    assert!(machine.tick(at(0)).write.is_some());
}

#[test]
fn what_an_origin_has_refused_rests_too() {
    let mut machine = session();
    let plan = started(machine.refused(refusal(&machine), at(60)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(60), 0);
    machine.resume(at(61));
    assert_eq!(machine.tick(at(61)).next, Some(secs(121)));
}
