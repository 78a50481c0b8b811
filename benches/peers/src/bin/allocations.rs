//! Allocations and bytes for one call: `allocations CASE HEADERS` prints both, with a tab between.

use std::{env, process::ExitCode};

use tokenflight_peers::{Case, Error, Fixture, Recipe, count};

/// Before counting, so that what is allocated once is there.
const WARM: usize = 10;
/// As many as there are kinds of requests, or a multiple.
const CALLS: u32 = 100;

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::cast_precision_loss)] // Some thousands.
fn run(args: &[String]) -> Result<(), Error> {
    let [name, headers] = args else { return Err("allocations CASE HEADERS".into()) };
    let case = Case::named(name).ok_or("no such case")?;
    let fixture = Fixture::new()?;
    let _inside = fixture.enter();
    let mut peer = (case.build)(&fixture)?;
    let mut recipe = Recipe::new(headers.parse()?)?;
    for _ in 0..WARM {
        count::call(peer.as_mut(), &mut recipe)?;
    }
    let mut failed = None;
    let counted = allocation_counter::measure(|| {
        for _ in 0..CALLS {
            if let Err(error) = count::call(peer.as_mut(), &mut recipe) {
                failed = Some(error);
            }
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let each = |total: u64| total as f64 / f64::from(CALLS);
    println!("{:.2}\t{:.1}", each(counted.count_total), each(counted.bytes_total));
    Ok(())
}
