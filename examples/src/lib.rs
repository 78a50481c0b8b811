//! What the examples are made of. Each example is a thin `main` over a module here, so that a test can run it too.

mod clock;
mod figures;
pub mod race;
pub mod soak;
