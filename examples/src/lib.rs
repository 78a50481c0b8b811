//! The race, as a library so that a test can run it too, and what other examples share with it.

pub mod clock;
pub mod figures;
pub mod race;
