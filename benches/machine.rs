//! The decisions: how many one core makes in a second, and nothing around them.
//!
//! `cargo xtask bench -- machine`.

// A bench that cannot go on has failed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokenflight::Now;
use tokenflight_machine::{Decision, FlightPlan, Landing, Login, Machine, Obtained, OriginId, Policy, Refused};

const API: OriginId = OriginId::new(1);
const HOUR: Duration = Duration::from_secs(3600);

/// So many seconds after the start.
fn at(seconds: u64) -> Now {
    Now::new(Duration::from_secs(seconds), Duration::from_secs(1_700_000_000 + seconds))
}

/// Logged in for an hour at second zero, and stored.
fn logged_in() -> Machine {
    let mut policy = Policy::default();
    (policy.min_interval, policy.storm_limit) = (Duration::ZERO, usize::MAX);
    let mut machine = Machine::new(policy).unwrap();
    machine.login(Login::new(Some(HOUR)), at(0), 0);
    let (epoch, generation) = (machine.epoch(), machine.generation());
    machine.saved(epoch, epoch, generation);
    machine
}

fn refusal(machine: &Machine) -> Refused {
    Refused::new(machine.epoch(), machine.generation(), API)
}

fn take_off(machine: &mut Machine, now: Now) -> FlightPlan {
    match machine.refused(refusal(machine), now) {
        Decision::Start(plan) => plan,
        other => panic!("expected a flight, got {other:?}"),
    }
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("machine");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a usable token", |bencher| {
        let mut machine = logged_in();
        bencher.iter(|| black_box(machine.usable(black_box(at(60)))));
    });
    group.bench_function("what to show", |bencher| {
        let machine = logged_in();
        bencher.iter(|| black_box(machine.offer(black_box(at(60)))));
    });
    group.bench_function("a refusal during a flight", |bencher| {
        let mut machine = logged_in();
        let refused = refusal(&machine);
        take_off(&mut machine, at(60));
        bencher.iter(|| black_box(machine.refused(black_box(refused), at(61))));
    });
    group.bench_function("a tick with nothing due", |bencher| {
        let mut machine = logged_in();
        bencher.iter(|| black_box(machine.tick(black_box(at(60)))));
    });
    // A refusal, a landing, what is published, and what the store holds.
    group.throughput(Throughput::Elements(4));
    group.bench_function("a whole refresh", |bencher| {
        let (mut machine, mut second) = (logged_in(), 0);
        bencher.iter(|| {
            second += 60;
            let plan = take_off(&mut machine, at(second));
            let obtained = Obtained::new(plan.epoch, plan.generation.next(), at(second), Some(HOUR));
            black_box(machine.land(&plan, &Landing::Obtained(obtained), at(second), second));
            black_box(machine.offer(at(second)));
            machine.accepted(API);
        });
    });
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
