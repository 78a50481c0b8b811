//! One submission over any tower HTTP client: the form that is sent, the reply that comes back, and
//! what is known when none does.

mod client;
mod encoding;
mod form;
mod limits;
mod proof;

pub use self::{client::TokenClient, proof::Unsent};
pub(crate) use self::{
    client::{Over, Reply, Wire},
    form::Form,
    proof::{Broken, Proof},
};
