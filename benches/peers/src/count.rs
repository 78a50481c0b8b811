//! So many calls and nothing else.

use crate::{Case, Error, Fixture, Peer, Recipe};

/// Sets a case up and calls it so often, in one heap or another: what the allocator costs depends
/// on what lies in it, so a count is the median over some.
pub fn run(case: &Case, headers: usize, calls: usize, heap: usize) -> Result<(), Error> {
    let _used: Vec<Vec<u8>> = (0..heap * 7).map(|block| Vec::with_capacity(40 + 168 * block)).collect();
    let fixture = Fixture::new()?;
    let _inside = fixture.enter();
    let mut peer = (case.build)(&fixture)?;
    let mut recipe = Recipe::new(headers)?;
    let mut level = Vec::new();
    for number in 0..calls {
        // The first call leaves behind what every client keeps.
        if number == 1 {
            level = fill();
        }
        call(peer.as_mut(), &mut recipe)?;
    }
    drop(level);
    Ok(())
}

/// One call.
pub fn call(peer: &mut dyn Peer, recipe: &mut Recipe) -> Result<(), Error> {
    recipe.advance();
    if peer.call(recipe) { Ok(()) } else { Err("it did not answer at once".into()) }
}

/// Fills the holes that setting up has left in the heap, so that every case takes its large blocks
/// from the same place. Else it is chance, to some hundred instructions, what a header map costs.
fn fill() -> Vec<Vec<u8>> {
    [8192, 4096, 3072, 2048, 1536, 1280, 1100]
        .into_iter()
        .flat_map(|size| (0..32).map(move |_| Vec::with_capacity(size)))
        .collect()
}
