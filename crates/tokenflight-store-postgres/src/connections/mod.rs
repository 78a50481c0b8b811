//! Connections of the store's own.

mod address;
mod live;
mod pool;
#[cfg(feature = "rustls")]
mod tls;

pub(crate) use self::live::Live;
pub use self::pool::Connections;
