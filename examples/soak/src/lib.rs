//! The soak: many workers share one login of yours, against your provider and your API, and what the provider does with
//! refreshes is written down.
//!
//! The way through it: [`Options`] from flags and a TOML file → `settings` that make sense → `server` is the provider with
//! its endpoints and `api` the way to the resource → `start` reads the login, or has `login` make one → `probe` asks what a
//! refresh does to the old token → `load` lets the workers run → `tail` follows one token to its end, `grace` presents a used
//! refresh token, if that was asked for → `report`.
//!
//! Nothing must cost the user the session: `token_file` has every new refresh token before `store` lets it be used, and an
//! interrupt ends the run only when a refresh in progress has landed.

mod api;
mod books;
mod grace;
mod interrupt;
mod load;
mod login;
mod options;
mod probe;
mod progress;
mod report;
mod run;
mod server;
mod settings;
mod stage;
mod start;
mod store;
mod tail;
mod token_file;
mod wire;

pub use self::{
    options::{Auth, Options, Way},
    run::{BROKEN, HARMED, run},
    store::FileStore,
    token_file::TokenFile,
};
