//! What is drawn: whose turn it is to be killed, cut off or stopped, and for how long. A seed
//! repeats the draws; when they are made is the machine's doing.

use crate::prelude::*;

pub(crate) struct Draws(fastrand::Rng);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        self.0.choice(of).copied()
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// Between a tenth of a second and so many seconds. Every length has its share: as many between
    /// one and two seconds as between ten and twenty.
    pub(crate) fn pause(&mut self, longest: u64) -> Duration {
        const SHORTEST: f64 = 0.1;
        Duration::from_secs_f64(SHORTEST * (longest as f64 / SHORTEST).powf(self.0.f64()))
    }
}

#[test]
fn a_seed_repeats_what_is_drawn() {
    let draw = |seed| {
        let mut draws = Draws::new(seed);
        (0..20).map(|_| (draws.one(&[1, 2, 3, 4, 5]), draws.number(), draws.pause(200))).collect::<Vec<_>>()
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
    assert!(draw(7).iter().all(|(_, _, pause)| (0.09..200.1).contains(&pause.as_secs_f64())));
}
