//! Short words for signs, so that a row reads like a list.

use crate::provider::{Meaning, Sign, Test};

pub(super) const fn ended(when: &'static [Test]) -> Sign {
    Sign { when, means: Meaning::Ended }
}

pub(super) const fn slow_down(when: &'static [Test]) -> Sign {
    Sign { when, means: Meaning::SlowDown }
}

pub(super) const fn unknown(when: &'static [Test]) -> Sign {
    Sign { when, means: Meaning::Unknown }
}

pub(super) const fn setup(when: &'static [Test]) -> Sign {
    Sign { when, means: Meaning::Setup }
}

pub(super) const fn interaction(when: &'static [Test]) -> Sign {
    Sign { when, means: Meaning::Interaction }
}
