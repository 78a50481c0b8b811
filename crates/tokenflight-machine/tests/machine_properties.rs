//! Properties of the machine over whole ranges of numbers, the absurd ones included.

mod support;

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};
use support::{WALL, at, failed, found, logged_in, machine, moment, refusal, secs};
use tokenflight_core::{
    Epoch, Error, ErrorKind, FailureClass, Generation, GrantError, MAX_LIFETIME, Now, grant::ReusePolicy,
};
use tokenflight_machine::{
    Beside, Decision, FlightPlan, Landing, Login, Machine, Nap, Obtained, OriginId, Policy, Refused,
};

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

fn any_policy() -> impl Strategy<Value = Policy> {
    let durations = || (any_duration(), any_duration(), any_duration(), any_duration());
    let replay = prop_oneof![
        Just(ReusePolicy::Strict),
        Just(ReusePolicy::NonRotating),
        any_duration().prop_map(ReusePolicy::grace),
    ];
    (durations(), durations(), option::of(any_duration()), replay, any::<bool>(), 0..4_u8).prop_map(
        |(
            (lead, skew, fresh, storm),
            (base, cap, interval, margin),
            default_lifetime,
            reuse_policy,
            needs,
            replays,
        )| {
            let mut policy = Policy::default();
            (policy.lead, policy.skew, policy.fresh_window, policy.storm_window) = (lead, skew, fresh, storm);
            (policy.backoff_base, policy.backoff_cap) = (base, cap);
            (policy.min_interval, policy.force_interval, policy.lease_margin) = (interval, interval, margin);
            (policy.default_lifetime, policy.reuse_policy) = (default_lifetime, reuse_policy);
            (policy.needs_refresh_token, policy.replays) = (needs, replays);
            policy
        },
    )
}

/// What is done, as a number, and the numbers it is done with.
type Wild = (u8, Now, (Duration, Option<Duration>, Option<Duration>), u64);

fn wild() -> impl Strategy<Value = Wild> {
    let durations = (any_duration(), option::of(any_duration()), option::of(any_duration()));
    (0..16_u8, any_now(), durations, any::<u64>())
}

fn wild_landing(plan: &FlightPlan, (_, now, (age, lifetime, other), random): &Wild) -> Landing {
    let numbers = (Epoch::new(random % 7), Generation::new(*random));
    match random % 6 {
        0 | 1 => {
            let mut obtained = Obtained::new(plan.epoch, plan.generation.next(), now.back(*age), *lifetime);
            obtained.refresh_in = *other;
            obtained.unsaved = (random & 64 != 0).then(|| Error::new(ErrorKind::Store));
            Landing::Obtained(obtained)
        }
        2 => Landing::Found(found(numbers.0, numbers.1, Now::new(*age, lifetime.unwrap_or(WALL)), *other)),
        3 => Landing::Over { epoch: numbers.0, error: Error::new(ErrorKind::LoggedOut) },
        4 => Landing::NotFlushed(Error::new(ErrorKind::Store)),
        _ => {
            let classes = [FailureClass::Ambiguous, FailureClass::Throttled, FailureClass::NotSent];
            let class = classes[usize::try_from(random % 3).unwrap_or_default()];
            let error = other.map_or_else(|| GrantError::new(class), |after| GrantError::new(class).retry_after(after));
            let rotated = (random & 128 != 0).then_some(numbers.1);
            Landing::Failed { class, error: error.into(), rotated }
        }
    }
}

fn do_wild(machine: &mut Machine, plans: &mut Vec<FlightPlan>, wild: &Wild) {
    let (what, now, (_, lifetime, other), random) = wild;
    let mut answered = |decision: Decision| match decision {
        Decision::Start(plan) | Decision::Use { beside: Beside::Start(plan) } => plans.push(plan),
        _ => {}
    };
    match what {
        0 | 1 => answered(machine.usable(*now)),
        2 => {
            let refused = Refused::new(machine.epoch(), machine.generation(), OriginId::new(random % 100));
            answered(machine.refused(refused.after_replays((random % 256) as u8), *now));
        }
        3 => answered(machine.force(*now)),
        4 => machine.flush(*now).map_or((), answered),
        5 | 6 => {
            let tick = machine.tick(*now);
            plans.extend(tick.start);
            if let Some(next) = tick.next {
                assert!(Nap::until(next, *now).length() <= support::HOUR);
                assert!(next > now.boot || next == Duration::MAX, "{tick:?} at {now:?}");
            }
        }
        7 => {
            let mut login = Login::new(*lifetime);
            login.refresh_in = *other;
            machine.login(login, *now, *random);
        }
        8 if random % 5 == 0 => drop(machine.logout()),
        9 => machine.resume(*now, *random),
        10 => machine.reload(),
        11 => drop(machine.saved(machine.epoch(), Epoch::new(*random), Generation::new(*random))),
        12 => machine.accepted(OriginId::new(random % 100)),
        _ => {
            if let Some(plan) = plans.last().copied() {
                machine.land(&plan, &wild_landing(&plan, wild), *now, *random);
            }
        }
    }
    let _ = (machine.offer(*now), machine.has_usable(*now));
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

    /// No duration, no clock and no setting makes it panic, and its timers stay sane.
    #[test]
    fn nothing_panics_whatever_the_numbers((policy, script) in (any_policy(), vec(wild(), 1..60))) {
        if let Ok(mut machine) = Machine::new(policy) {
            let mut plans = Vec::new();
            for wild in &script {
                do_wild(&mut machine, &mut plans, wild);
            }
        }
    }

    /// The sign of the skew was wrong in two large libraries.
    #[test]
    fn a_larger_skew_never_makes_a_token_live_longer(
        lifetime in any_duration(),
        skews in (any_duration(), any_duration()),
        default in any::<bool>(),
        now in any_now(),
    ) {
        let usable = |skew| {
            let mut policy = Policy::default();
            policy.skew = skew;
            policy.default_lifetime = default.then_some(lifetime);
            logged_in(policy, (!default).then_some(lifetime)).has_usable(now)
        };
        let (small, large) = (skews.0.min(skews.1), skews.0.max(skews.1));
        prop_assert!(!usable(large) || usable(small));
        // And without any skew nothing lives longer than it was given.
        prop_assert!(!usable(Duration::ZERO) || now.boot < lifetime);
    }

    ///
    #[test]
    fn renewal_is_due_between_70_and_85_percent_and_never_within_the_lead(
        lifetime in 1..=MAX_LIFETIME.as_nanos() as u64,
        booted in 0..1_000_000_000_000_000_u64,
        random in any::<u64>(),
    ) {
        let (lifetime, now) = (Duration::from_nanos(lifetime), moment(Duration::from_nanos(booted)));
        let mut machine = machine(Policy::default());
        machine.login(Login::new(Some(lifetime)), now, random);
        let due = machine.offer(now).and_then(|offer| offer.ask_after).expect("a known lifetime");
        // Long-lived tokens are renewed on whole seconds, rounded down.
        let floor = if lifetime < secs(60) { Duration::ZERO } else { secs(1) };
        let tick = Duration::from_nanos(100);
        prop_assert!(due + floor + tick >= lifetime.mul_f64(0.70), "{:?} of {:?}", due, lifetime);
        prop_assert!(due <= lifetime.mul_f64(0.85) + tick, "{:?} of {:?}", due, lifetime);
        prop_assert!(due <= lifetime - secs(30).min(lifetime / 4) + tick, "{:?} of {:?}", due, lifetime);
        prop_assert!(lifetime < secs(60) || (now.boot + due).subsec_nanos() == 0);
    }

    /// Full jitter: anything from nothing to the doubled ceiling, and never more than the cap.
    #[test]
    fn a_failure_waits_at_most_its_ceiling(failures in 1..40_u32, random in any::<u64>()) {
        let mut machine = logged_in(Policy::default(), Some(secs(60)));
        let mut now = at(1000);
        for failure in 0..failures {
            let Decision::Start(plan) = machine.usable(now) else { panic!("a flight may start at {now:?}") };
            machine.land(&plan, &failed(FailureClass::NotSent), now, random);
            let next = machine.clone().tick(now).next;
            let ceiling = secs(1_u64.checked_shl(failure).unwrap_or(u64::MAX).min(300));
            if let Some(next) = next {
                prop_assert!(next <= now.boot + ceiling + Duration::from_micros(100), "{:?} after {}", next, failure);
            }
            now = moment(now.boot + secs(301));
        }
    }

    /// Many late refusals of old generations cost nothing, whatever their order.
    #[test]
    fn stragglers_never_start_a_flight(generations in vec(0..50_u64, 1..50)) {
        let mut machine = logged_in(Policy::default(), Some(secs(3600)));
        for refresh in 1..=50 {
            let now = at(refresh * 20);
            let Decision::Start(plan) = machine.force(now) else { panic!("a forced flight") };
            machine.land(&plan, &support::obtained(&plan, Some(secs(3600))), now, 0);
        }
        let current = refusal(&machine);
        for generation in generations {
            let refused = Refused::new(current.epoch, Generation::new(generation), current.origin);
            prop_assert!(support::just_use(&machine.refused(refused, at(1100))));
        }
        prop_assert_eq!(machine.flight(), None);
    }
}
