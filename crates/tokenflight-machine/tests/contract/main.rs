//! The store contract under a model checker: explicit states, breadth first, over the real
//! functions of both halves, [`apply_with`](tokenflight_core::store::apply_with) and
//! [`tokenflight_machine::present`].
//!
//! Holders load, decide, claim, look again, send, and write what comes of it; they crash, pause,
//! lose answers both ways. The storage goes down, fails over, has its clock moved; the
//! authorization server judges. [`config`] has the configurations, [`laws`] what must hold,
//! [`mutants`] the rules that are left out to see that each is needed.
//!
//! With `TOKENFLIGHT_PROOF` set every configuration is searched completely, otherwise a narrow form
//! of it up to a bound. A state is stored as a fingerprint of 64 bits; a law that is broken is
//! printed with the shortest way there.
//!
//! Left out: missing entries, servers that answer a second presentation with another refresh token,
//! servers whose grace is for the immediate predecessor alone, several audiences, records that
//! cannot be read, real lengths of time (only their order).

mod bridge;
mod canonical;
mod checks;
mod config;
mod faults;
mod fixture;
mod holder;
mod laws;
mod mutants;
mod prelude;
mod rules;
mod search;
mod state;
mod time;
mod writes;
