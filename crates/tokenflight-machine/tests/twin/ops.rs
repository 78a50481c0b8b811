//! What may happen to a machine, drawn at random.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};
use tokenflight_core::{FailureClass, grant::ReusePolicy};
use tokenflight_machine::Policy;

/// One thing that happens. Numbers that refer to the past are offsets, so that any list of operations makes sense.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Ask,
    Refuse {
        epochs_ago: u64,
        generation: Which,
        origin: u64,
        replays: u8,
    },
    Force,
    Flush,
    Tick,
    Advance(Duration),
    /// To the moment the last tick named, and this much further.
    ToNext(Duration),
    StepWall {
        forward: bool,
        by: Duration,
    },
    Land(Landed),
    /// A flight that was started this many flights ago lands (again).
    LandOld {
        flights_ago: usize,
        landed: Landed,
    },
    Login {
        lifetime: Option<Duration>,
        refresh_in: Option<Duration>,
        refreshable: bool,
    },
    Logout,
    Accept {
        origin: u64,
    },
    Close,
    Resume,
    Reload,
    Save {
        epochs_ago: u64,
        epoch_up: u64,
        generation_up: u64,
    },
}

/// Which generation was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Current,
    Older(u64),
    Newer(u64),
}

/// How a flight ends.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    Obtained { fresh: Fresh, epoch_up: u64, refresh_in: Option<Duration>, unsaved: bool },
    Found { fresh: Fresh, epoch_up: u64 },
    Failed { class: FailureClass, retry_after: Option<Duration>, rotated: Option<u64> },
    Ended { epoch_up: u64 },
    LoggedOut { epoch_up: u64 },
    Flushed,
    NotFlushed,
}

/// A token set that a flight brings.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    pub(crate) generation_up: u64,
    pub(crate) age: Duration,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) refreshable: bool,
    /// It has the access token that was there before.
    pub(crate) repeated: bool,
}

/// An operation and the chance it is given.
pub(crate) type Step = (Op, u64);

/// A policy and what happens under it.
pub(crate) fn scripts(longest: usize) -> impl Strategy<Value = (Policy, Vec<Step>)> {
    (policies(), vec(scenes(), 1..=longest)).prop_map(|(policy, scenes)| (policy, scenes.concat()))
}

/// Mostly one operation; sometimes a few that belong together and would hardly meet by chance.
fn scenes() -> impl Strategy<Value = Vec<Step>> {
    let single = (ops(), chance()).prop_map(|step| vec![step]);
    let refuse = |origin| Op::Refuse { epochs_ago: 0, generation: Which::Current, origin, replays: 0 };
    let forever =
        || Fresh { generation_up: 0, age: Duration::ZERO, lifetime: None, refreshable: true, repeated: false };
    let answer = move || Op::Land(Landed::Obtained { fresh: forever(), epoch_up: 0, refresh_in: None, unsaved: false });
    // An origin that refuses whatever it gets.
    let storm = (1..14_usize, 0..2_u64, 10..80_u64).prop_map(move |(times, origin, pause)| {
        let wave = [Op::Advance(Duration::from_secs(pause)), refuse(origin), answer()];
        wave.iter().cloned().cycle().take(3 * times).map(|op| (op, 0)).collect()
    });
    // Answers get lost, and a driver does what it is told.
    let lost = (1..5_usize, 0..40_u64, chance()).prop_map(|(times, took, random)| {
        let lost = Landed::Failed { class: FailureClass::Ambiguous, retry_after: None, rotated: None };
        let wave =
            [Op::Tick, Op::Advance(Duration::from_secs(took)), Op::Land(lost), Op::Tick, Op::ToNext(Duration::ZERO)];
        wave.iter().cloned().cycle().take(5 * times).map(|op| (op, random)).collect()
    });
    // A driver at work.
    let driven = (1..5_usize, landed(), chance()).prop_map(|(times, landed, random)| {
        let wave = [Op::Tick, Op::ToNext(Duration::ZERO), Op::Tick, Op::Land(landed)];
        wave.iter().cloned().cycle().take(4 * times).map(|op| (op, random)).collect()
    });
    prop_oneof![40 => single, 1 => storm, 1 => lost, 2 => driven]
}

fn policies() -> impl Strategy<Value = Policy> {
    let replay = prop_oneof![
        3 => Just(ReusePolicy::Strict),
        1 => Just(ReusePolicy::NonRotating),
        2 => prop_oneof![Just(30_u64), Just(1800), 1..300_u64]
            .prop_map(|window| ReusePolicy::grace(Duration::from_secs(window))),
    ];
    let skew = prop_oneof![4 => Just(0_u64), 1 => 1..60_u64];
    let default_lifetime = option::weighted(0.2, lifetime());
    let needs = prop_oneof![4 => Just(true), 1 => Just(false)];
    (replay, skew, default_lifetime, needs, 0..3_u8).prop_map(|(replay, skew, default_lifetime, needs, replays)| {
        let mut policy = Policy::default();
        policy.reuse_policy = replay;
        policy.skew = Duration::from_secs(skew);
        policy.default_lifetime = default_lifetime;
        policy.needs_refresh_token = needs;
        policy.replays = replays;
        policy
    })
}

/// Any 64 bits; the ends more often than they come by themselves.
fn chance() -> impl Strategy<Value = u64> {
    prop_oneof![8 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)]
}

fn ops() -> impl Strategy<Value = Op> {
    let which = prop_oneof![
        12 => Just(Which::Current),
        3 => (1..4_u64).prop_map(Which::Older),
        1 => (1..4_u64).prop_map(Which::Newer),
    ];
    let refuse = (prop_oneof![9 => Just(0), 1 => 1..3_u64], which, 0..3_u64, prop_oneof![4 => Just(0), 1 => 0..4_u8])
        .prop_map(|(epochs_ago, generation, origin, replays)| Op::Refuse { epochs_ago, generation, origin, replays });
    let login = (option::weighted(0.85, lifetime()), option::weighted(0.15, lifetime()), refreshable())
        .prop_map(|(lifetime, refresh_in, refreshable)| Op::Login { lifetime, refresh_in, refreshable });
    let save = (prop_oneof![6 => Just(0), 1 => 1..3_u64], small(), small())
        .prop_map(|(epochs_ago, epoch_up, generation_up)| Op::Save { epochs_ago, epoch_up, generation_up });
    prop_oneof![
        14 => Just(Op::Ask),
        14 => refuse,
        5 => Just(Op::Force),
        2 => Just(Op::Flush),
        14 => Just(Op::Tick),
        16 => span().prop_map(Op::Advance),
        8 => prop_oneof![Just(0_u64), Just(1), 0..2_000_000_000_u64].prop_map(|n| Op::ToNext(Duration::from_nanos(n))),
        3 => (any::<bool>(), span()).prop_map(|(forward, by)| Op::StepWall { forward, by }),
        18 => landed().prop_map(Op::Land),
        2 => (1..4_usize, landed()).prop_map(|(flights_ago, landed)| Op::LandOld { flights_ago, landed }),
        6 => login,
        1 => Just(Op::Logout),
        2 => (0..3_u64).prop_map(|origin| Op::Accept { origin }),
        1 => prop_oneof![1 => Just(Op::Close), 11 => Just(Op::Tick)],
        1 => Just(Op::Resume),
        2 => Just(Op::Reload),
        5 => save,
    ]
}

fn landed() -> impl Strategy<Value = Landed> {
    let obtained =
        (fresh(latency()), small(), option::weighted(0.1, lifetime()), prop_oneof![6 => Just(false), 1 => Just(true)])
            .prop_map(|(fresh, epoch_up, refresh_in, unsaved)| Landed::Obtained {
                fresh,
                epoch_up,
                refresh_in,
                unsaved,
            });
    let failed = (class(), option::weighted(0.2, span()), option::weighted(0.1, small()))
        .prop_map(|(class, retry_after, rotated)| Landed::Failed { class, retry_after, rotated });
    prop_oneof![
        10 => obtained,
        3 => (fresh(span()), small()).prop_map(|(fresh, epoch_up)| Landed::Found { fresh, epoch_up }),
        10 => failed,
        1 => small().prop_map(|epoch_up| Landed::Ended { epoch_up }),
        1 => (0..2_u64).prop_map(|epoch_up| Landed::LoggedOut { epoch_up }),
        2 => Just(Landed::Flushed),
        2 => Just(Landed::NotFlushed),
    ]
}

fn fresh(age: impl Strategy<Value = Duration>) -> impl Strategy<Value = Fresh> {
    (small(), age, option::weighted(0.9, lifetime()), refreshable(), prop::bool::weighted(0.2)).prop_map(
        |(generation_up, age, lifetime, refreshable, repeated)| Fresh {
            generation_up,
            age,
            lifetime,
            refreshable,
            repeated,
        },
    )
}

fn class() -> impl Strategy<Value = FailureClass> {
    prop_oneof![
        2 => Just(FailureClass::NotSent),
        2 => Just(FailureClass::Throttled),
        4 => Just(FailureClass::Ambiguous),
        1 => Just(FailureClass::Terminal),
        1 => Just(FailureClass::Config),
    ]
}

fn small() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(0), 1 => 1..4_u64]
}

fn refreshable() -> impl Strategy<Value = bool> {
    prop_oneof![9 => Just(true), 1 => Just(false)]
}

fn latency() -> impl Strategy<Value = Duration> {
    (0..70_000_u64).prop_map(|millis| Duration::from_millis(millis / (1 + millis % 97)))
}

/// From nothing over shorter than any lead to longer than anybody lives.
fn lifetime() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => prop_oneof![Just(0), Just(1), Just(59), Just(60), Just(3600), Just(86_400), Just(315_360_000)]
            .prop_map(Duration::from_secs),
        1 => Just(Duration::MAX),
        2 => (1..30_000_u64).prop_map(Duration::from_millis),
        4 => (30..7200_u64).prop_map(Duration::from_secs),
    ]
}

/// A stretch of time, from nothing to years.
fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        4 => (1..2_000_000_000_u64).prop_map(Duration::from_nanos),
        6 => (1..30_u64).prop_map(Duration::from_secs),
        4 => (30..1200_u64).prop_map(Duration::from_secs),
        2 => (1..48_u64).prop_map(|hours| Duration::from_secs(3600 * hours)),
        1 => (1..20_u64).prop_map(|years| Duration::from_secs(365 * 86_400 * years)),
    ]
}
