//! What holds after every step, whatever came before, over whole ranges of numbers, the absurd too.

mod support;

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};
use support::{HOUR, Session, at, failed, laws::Laws, logged_in, machine, moment, obtained, policy, secs};
use tokenflight_core::{FailureClass, Generation, MAX_LIFETIME, Now, grant::ReusePolicy};
use tokenflight_machine::{Decision, OriginId, Policy, Refused, Rules, Slice, Start, Times};

/// Any duration at all; the ends more often than they come by themselves.
fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => Just(Duration::ZERO),
        1 => Just(Duration::from_nanos(1)),
        2 => Just(Duration::MAX),
        1 => Just(Duration::MAX - Duration::from_nanos(1)),
        3 => (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        6 => (0..10_000_000_000_000_u64).prop_map(Duration::from_nanos),
    ]
}

/// Clocks that jump to anywhere, backwards too.
fn any_now() -> impl Strategy<Value = Now> {
    prop_oneof![
        1 => (any_duration(), any_duration()).prop_map(|(boot, wall)| Now::new(boot, wall)),
        2 => (0..100_000_u64).prop_map(at),
    ]
}

fn any_reuse() -> impl Strategy<Value = ReusePolicy> {
    prop_oneof![
        3 => Just(ReusePolicy::Strict),
        1 => Just(ReusePolicy::NonRotating),
        1 => Just(ReusePolicy::UntilUsed),
        2 => (1..200_u64).prop_map(|window| ReusePolicy::grace(secs(window))),
        1 => any_duration().prop_map(ReusePolicy::grace),
    ]
}

/// Any policy that the machine takes, and some that it does not.
fn any_policy() -> impl Strategy<Value = Policy> {
    let durations = || (any_duration(), any_duration(), any_duration(), any_duration());
    (durations(), durations(), option::of(any_duration()), any_reuse(), 1..12_usize, 0..4_u8).prop_map(
        |((lead, skew, fresh, storm), (base, cap, interval, rest), default_lifetime, reuse_policy, limit, replays)| {
            let most = |value: Duration, most| value.min(most);
            policy(|policy| {
                (policy.lead, policy.skew) = (most(lead, support::YEAR), most(skew, 24 * HOUR));
                (policy.fresh_window, policy.storm_window) = (most(fresh, 24 * HOUR), most(storm, support::YEAR));
                policy.backoff_base = most(base, HOUR).max(support::millis(1));
                policy.backoff_cap = most(cap, support::YEAR).max(policy.backoff_base);
                (policy.min_interval, policy.force_interval) = (most(interval, HOUR), interval);
                (policy.resume_delay, policy.settle_in) = (most(rest, HOUR), most(rest, secs(9)));
                (policy.default_lifetime, policy.reuse_policy) = (default_lifetime, Some(reuse_policy));
                (policy.storm_limit, policy.replays) = (limit, replays);
            })
        },
    )
}

/// Policies like those that are used: what matters more often than what can be.
fn likely_policy() -> impl Strategy<Value = Policy> {
    (any_reuse(), any::<bool>(), 1..4_usize, 0..3_u8).prop_map(|(reuse_policy, idle_gate, limit, replays)| {
        policy(|policy| {
            (policy.reuse_policy, policy.idle_gate) = (Some(reuse_policy), idle_gate);
            (policy.storm_limit, policy.replays) = (limit, replays);
        })
    })
}

/// What is done, and the numbers it is done with.
type Step = (u8, u64, Now, (Duration, Option<Duration>, Option<Duration>));

fn any_step() -> impl Strategy<Value = Step> {
    let durations = (any_duration(), option::of(any_duration()), option::of(any_duration()));
    (any::<u8>(), any::<u64>(), any_now(), durations)
}

/// Steps in the order of time, with lifetimes as servers give them.
fn likely_steps() -> impl Strategy<Value = Vec<Step>> {
    let ahead = prop_oneof![3 => 0..3_u64, 3 => 0..30_u64, 2 => 0..600_u64, 1 => 0..10_000_u64];
    let lifetime = prop_oneof![1 => Just(None), 1 => Just(Some(Duration::ZERO)), 2 => (1..100_u64).prop_map(|time| Some(secs(time))), 6 => Just(Some(HOUR))];
    let wish = option::weighted(0.2, (0..4000_u64).prop_map(secs));
    let step = (any::<u8>(), any::<u64>(), ahead, 0..20_u64, lifetime, wish);
    vec(step, 1..80).prop_map(|steps| {
        let mut now = 0;
        let step = |(what, random, ahead, age, lifetime, wish)| {
            now += ahead;
            (what, random, at(now), (secs(age), lifetime, wish))
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(support::cases(3000))]

    #[test]
    fn a_span_is_reached_when_so_much_time_has_passed(
        now in any_now(), seconds in -40..40_i64, fraction in 0..1_000_000_000_u32, ahead in 0..100_000_u64,
    ) {
        let then = Now::new(now.boot.saturating_sub(secs(ahead)), now.wall.saturating_sub(secs(ahead)));
        let span = Duration::new(ahead.saturating_add_signed(seconds), fraction);
        for (now, then) in [(now, then), (then, now), (Now::new(now.boot, then.wall), then), (now, at(ahead))] {
            prop_assert_eq!(now.reached(then, span), now.since(then) >= span);
            let exactly = now.since(then);
            prop_assert!(now.reached(then, exactly));
        }
    }

    #[test]
    fn the_laws_hold_after_every_step_of_a_likely_history((policy, steps) in (likely_policy(), likely_steps())) {
        let mut laws = Laws::new(policy);
        for (what, random, now, numbers) in steps {
            laws.step(what, random, now, numbers);
        }
    }

    /// No duration, no clock and no setting makes it panic, and the laws hold all the same.
    #[test]
    fn the_laws_hold_whatever_the_numbers((policy, steps) in (any_policy(), vec(any_step(), 1..60))) {
        if Rules::new(policy.clone()).is_ok() {
            let mut laws = Laws::new(policy);
            for (what, random, now, numbers) in steps {
                laws.step(what, random, now, numbers);
            }
        }
    }

    #[test]
    fn a_timer_is_never_longer_than_an_hour_and_never_none(next in any_duration(), now in any_now()) {
        let slice = Slice::until(next, now);
        prop_assert!(!slice.length().is_zero() && slice.length() <= HOUR);
        prop_assert!(!slice.overslept(Now::new(slice.end(), now.wall)));
    }

    #[test]
    fn a_larger_skew_never_makes_a_token_live_longer(
        lifetime in any_duration(),
        skews in (0..86_400_u64, 0..86_400_u64),
        now in any_now(),
    ) {
        let usable = |skew| {
            logged_in(policy(|policy| policy.skew = secs(skew)), Some(lifetime)).has_usable(None, now)
        };
        let (small, large) = (skews.0.min(skews.1), skews.0.max(skews.1));
        prop_assert!(!usable(large) || usable(small));
        // And without any skew nothing lives longer than it was given.
        prop_assert!(!usable(0) || now.boot < lifetime);
    }

    #[test]
    fn renewal_is_due_between_70_and_85_percent_and_never_within_the_lead(
        lifetime in 1..=MAX_LIFETIME.as_nanos() as u64,
        booted in 0..1_000_000_000_000_000_u64,
        random in any::<u64>(),
    ) {
        let (lifetime, now) = (Duration::from_nanos(lifetime), moment(Duration::from_nanos(booted)));
        let mut machine = machine(Policy::default());
        machine.login(Some(1), Times::new(now, Some(lifetime)), support::tokens(now.wall, None), now, random);
        support::store(&mut machine, now);
        let due = machine.tick(now).next.map_or(lifetime, |next| next - now.boot);
        // Long-lived tokens are renewed on whole seconds, rounded down.
        let floor = if lifetime < secs(60) { Duration::ZERO } else { secs(1) };
        let tick = Duration::from_nanos(100);
        prop_assert!(due + floor + tick >= lifetime.mul_f64(0.70), "{:?} of {:?}", due, lifetime);
        prop_assert!(due <= lifetime.mul_f64(0.85) + tick, "{:?} of {:?}", due, lifetime);
        prop_assert!(due <= lifetime - secs(30).min(lifetime / 4) + tick, "{:?} of {:?}", due, lifetime);
        prop_assert!(lifetime < secs(60) || (now.boot + due).subsec_nanos() == 0);
    }

    /// Full jitter: anything from the floor to the doubled ceiling, and never more than the cap.
    #[test]
    fn a_failure_waits_at_most_its_ceiling(failures in 1..40_u32, random in any::<u64>()) {
        let mut machine = logged_in(Policy::default(), Some(secs(60)));
        let mut now = at(1000);
        for failure in 0..failures {
            let Decision::Start(Start::Refresh(plan)) = machine.usable(None, now) else { panic!("nothing is waited for") };
            machine.finish(&plan, failed(FailureClass::NotSent), now, random);
            let next = machine.clone().tick(now).next.expect("a next attempt");
            let ceiling = secs(1_u64.checked_shl(failure).unwrap_or(u64::MAX).min(300));
            prop_assert!(next <= now.boot + ceiling + Duration::from_micros(100), "{:?} after {}", next, failure);
            prop_assert!(next >= now.boot + support::millis(10));
            now = moment(now.boot + secs(301));
        }
    }

    /// Many late refusals of old generations cost nothing, whatever their order.
    #[test]
    fn stragglers_never_start_a_refresh(generations in vec(0..50_u64, 1..50)) {
        let mut machine: Session = support::session();
        for refresh in 1..=50 {
            let now = at(refresh * 20);
            let plan = support::started(machine.force(now));
            machine.finish(&plan, obtained(&plan, Some(HOUR)), now, 0);
        }
        for generation in generations {
            let refused = Refused::new(machine.login_id(), Generation::new(generation), Some(OriginId::new(1)));
            prop_assert!(support::just_use(&machine.refused(refused, at(1100))));
        }
        prop_assert_eq!(machine.running(tokenflight_machine::Work::Refresh), None);
    }
}
