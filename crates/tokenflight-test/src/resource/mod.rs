//! An API behind bearer tokens.
//!
//! [`ResourceServer`] asks its [`AuthServer`](crate::AuthServer) about every token: 200 for a good
//! one, 401 with the challenge of RFC 6750 for any other. [`Refusal`] has the habits of servers
//! that do not keep to it.
//!
//! ```
//! use http::{Request, StatusCode, header};
//! use tokenflight_test::{AuthServer, ManualTime, ResourceServer};
//! use tower_service::Service;
//!
//! let time = ManualTime::new(1);
//! let auth = AuthServer::new(time.shared());
//! let mut api = ResourceServer::new(auth.clone());
//!
//! let login = auth.login();
//! let bearer = login.access().to_header()?;
//! let mut ask = || {
//!     let request = Request::builder().header(header::AUTHORIZATION, &bearer).body(())?;
//!     Ok::<_, http::Error>(time.run(api.call(request)).unwrap().status())
//! };
//! assert_eq!(ask()?, StatusCode::OK);
//! auth.expire_all_access();
//! assert_eq!(ask()?, StatusCode::UNAUTHORIZED);
//! assert_eq!(api.counts().refused, 1);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod refusal;
#[cfg(feature = "net")]
mod serve;
pub(crate) mod service;

#[cfg(feature = "net")]
pub(crate) use self::service::ResourceServer;
pub use self::{
    refusal::{Refusal, RefusalBody},
    service::{ResourceCounts, ResourceFuture},
};
