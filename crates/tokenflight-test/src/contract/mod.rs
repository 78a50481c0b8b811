//! Suites that check other implementations of the contracts in `tokenflight-core`.
//!
//! * [`store()`] and [`survives`] for a [`Store`](tokenflight_core::store::Store); [`cell()`] for a
//!   [`Cell`](tokenflight_core::store::Cell).
//! * [`grant()`] for a [`Grant`](tokenflight_core::Grant).
//! * [`time()`] for a [`Time`](tokenflight_core::Time).
//!
//! Each panics, naming the rule, when a rule is broken. No suite needs an executor of its own:
//! await it in yours.
//!
//! ```
//! use tokenflight_test::{ManualTime, ModelStore, contract};
//!
//! # let executor = ManualTime::new(0);
//! executor.run(contract::store(&ModelStore::new(), &contract::Setting::new()));
//! ```

mod cell;
mod cut;
mod grant;
mod setting;
mod store;
mod time;

pub use self::{
    cell::{CELL_RULES, cell},
    grant::grant,
    setting::{Clock, Setting, WaitingClock},
    store::{STORE_RULES, store, survives},
    time::time,
};
