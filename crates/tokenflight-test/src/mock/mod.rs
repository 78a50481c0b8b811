//! Stand-ins that do what the script says, and write down what was done to them.
//!
//! * [`MockGrant`](crate::MockGrant) answers token requests from a queue.
//! * [`MockStore`](crate::MockStore) sits before another [`Store`](tokenflight_core::store::Store)
//!   and fails, panics or hangs where told to.
//! * A [`Gate`] parks their calls until the test lets them through.
//!
//! All of them are clones of one shared thing, need no executor, and wake outside their locks.

mod gate;
pub(crate) mod grant;
mod journal;
pub(crate) mod store;

pub use self::{
    gate::{Gate, Parked, Passage},
    grant::{Call, Step},
    journal::Fate,
    store::{OpKind, StoreCall, Trouble},
};
