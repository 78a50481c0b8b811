//! A token for something that takes long.

use std::time::Duration;

use super::{Decision, Machine, Phase};
use tokenflight_core::{Now, grant::Reason};

impl Machine {
    /// Somebody wants a token that stays valid for this long, because what it is for cannot be sent twice.
    ///
    /// A token with more than half of its lifetime left will do: a new one would hardly last longer. So will any usable
    /// one when there is no newer one to be had.
    pub fn lasting(&mut self, wanted: Duration, now: Now) -> Decision {
        let short = matches!(&self.phase, Phase::Active(life) if life.usable(now) && life.ends_within(wanted, now));
        if short {
            let decision = self.launch(Reason::Due, now);
            if matches!(decision, Decision::Join { .. } | Decision::Start(_)) {
                return decision;
            }
        }
        self.usable(now)
    }
}
