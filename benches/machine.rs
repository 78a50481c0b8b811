//! The decisions: how many one core makes in a second, and nothing around them.
//!
//! `cargo xtask bench -- machine`.

// A bench that cannot go on has failed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokenflight::{Now, StoredTokens, TokenSet};
use tokenflight_core::store::{Facts, apply};
use tokenflight_machine::{Decision, Machine, OriginId, Outcome, Plan, Policy, Refused, Rules, Saved, Start, Times};

const API: OriginId = OriginId::new(1);
const HOUR: Duration = Duration::from_secs(3600);

/// So many seconds after the start.
fn at(seconds: u64) -> Now {
    Now::new(Duration::from_secs(seconds), Duration::from_secs(1_700_000_000 + seconds))
}

/// Logged in for an hour at second zero, and stored.
fn logged_in() -> Machine<u32> {
    let mut policy = Policy::default();
    (policy.min_interval, policy.storm_limit) = (Duration::ZERO, usize::MAX);
    let mut machine = Machine::new(Arc::new(Rules::new(policy).unwrap()));
    let tokens = StoredTokens::from_set(&TokenSet::new("access").refresh_token("refresh"), at(0).wall, None);
    machine.login(Some(0), Times::new(at(0), Some(HOUR)), tokens, at(0), 0);
    let write = machine.flush().unwrap();
    let (_, reply) = apply(None, &machine.pending(write).unwrap().op(at(0)), &Facts::in_process());
    machine.written(write, Ok(reply), at(0), 0);
    machine
}

fn refusal(machine: &Machine<u32>) -> Refused {
    Refused::new(machine.login_id(), machine.generation(), Some(API))
}

fn start(machine: &mut Machine<u32>, now: Now) -> Plan {
    match machine.refused(refusal(machine), now) {
        Decision::Start(Start::Refresh(plan)) => plan,
        other => panic!("expected a refresh, got {other:?}"),
    }
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("machine");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a usable token", |bencher| {
        let mut machine = logged_in();
        bencher.iter(|| black_box(machine.usable(Some(API), black_box(at(60)))));
    });
    group.bench_function("what to show", |bencher| {
        let machine = logged_in();
        bencher.iter(|| black_box(machine.offer(true, black_box(at(60)))));
    });
    group.bench_function("a refusal during a refresh", |bencher| {
        let mut machine = logged_in();
        let refused = refusal(&machine);
        start(&mut machine, at(60));
        bencher.iter(|| black_box(machine.refused(black_box(refused), at(61))));
    });
    group.bench_function("a tick with nothing due", |bencher| {
        let mut machine = logged_in();
        bencher.iter(|| black_box(machine.tick(black_box(at(60)))));
    });
    // A refusal, the end of the refresh, what is told, and what is shown.
    group.throughput(Throughput::Elements(4));
    group.bench_function("a whole refresh", |bencher| {
        let (mut machine, mut second) = (logged_in(), 0);
        let entry = Arc::clone(machine.known().unwrap());
        bencher.iter(|| {
            second += 60;
            let plan = start(&mut machine, at(second));
            let (times, saved) = (Times::new(at(second), Some(HOUR)), Saved::Stored(Arc::clone(&entry)));
            let outcome = Outcome::Obtained { token: second as u32, times, renewable: true, saved };
            let before = machine.view();
            black_box(machine.finish(&plan, outcome, at(second), second));
            black_box(before.events(&machine.view()));
            black_box(machine.offer(true, at(second)));
        });
    });
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
