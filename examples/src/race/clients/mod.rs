//! The four clients. Each file begins with what there is to learn from it.
//!
//! The first three are written the way such clients are usually written: they keep the rotated
//! refresh token, send a request again once after a 401, renew ahead of time, and give up cleanly
//! when the server says `invalid_grant`. Nothing in them is made worse than what is found in the
//! wild; what kills them is only *who may refresh when*.

mod client;
mod kind;
mod lock_401;
mod lock_inside;
mod naive;
mod protected;
mod tokens;

pub(in crate::race) use self::protected::renew;
use self::tokens::Tokens;
pub(crate) use self::{
    client::{Client, Entry},
    kind::Kind,
};
