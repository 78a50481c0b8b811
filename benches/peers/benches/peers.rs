//! Times of the same work with other crates; the library says what is measured and how to read it.

// A bench that cannot go on has failed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tokenflight_peers::{CASES, Fixture, Recipe, count, storm};

/// One call with a cached, fresh token. The bases are among them: take them off.
fn fresh(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peers/fresh");
    for case in CASES {
        group.bench_function(case.name, |bencher| {
            let fixture = Fixture::new().unwrap();
            let _inside = fixture.enter();
            let mut peer = (case.build)(&fixture).unwrap();
            let mut recipe = Recipe::new(8).unwrap();
            bencher.iter(|| count::call(peer.as_mut(), &mut recipe).unwrap());
        });
    }
    group.finish();
}

/// A hundred callers on an empty cache, over a source that takes its time, which is measured too.
fn storms(criterion: &mut Criterion) {
    let runtime = storm::runtime().unwrap();
    let mut group = criterion.benchmark_group("peers/storm");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for case in CASES {
        let Some(build) = case.storm else { continue };
        group.bench_function(case.name, |bencher| {
            bencher
                .iter_custom(|storms| (0..storms).map(|_| runtime.block_on(storm::once(build)).unwrap().taken).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, fresh, storms);
criterion_main!(benches);
