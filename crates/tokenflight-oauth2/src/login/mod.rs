//! Logging in: authorization codes with PKCE (RFC 7636), with a loopback redirect (RFC 8252) for
//! programs on a user's machine and a stored login for web servers, and device codes (RFC 8628).
//!
//! All end in a [`TokenSet`](tokenflight_core::TokenSet) for `Session::login`.
//!
//! ```no_run
//! use tokenflight_oauth2::{TokenEndpoint, login::{CodeLogin, Loopback}};
//!
//! # async fn example(endpoint: TokenEndpoint) -> Result<(), tokenflight_oauth2::login::LoginError> {
//! let loopback = Loopback::bind().await?;
//! let login = CodeLogin::start(&endpoint, "https://as.example/authorize", loopback.redirect_uri(), Some("read"))?;
//! println!("Open {} in a browser.", login.url());
//! let callback = loopback.answer(&login).await?;
//! let tokens = login.finish(callback).await?;
//! # let _ = tokens;
//! # Ok(())
//! # }
//! ```

mod callback;
mod code;
mod device;
mod error;
mod loopback;
mod pending;

pub use self::{
    callback::Callback,
    code::CodeLogin,
    device::DeviceLogin,
    error::{Denial, LoginError},
    loopback::{Loopback, LoopbackOptions},
};
