//! Connections of the store's own.

mod address;
mod live;
mod pool;
#[cfg(feature = "rustls")]
mod tls;

pub use self::pool::Connections;
