//! The layer, in conversations: what a client asks, what the server is sent, and what comes back.
//! Manual time, every poll by hand.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

mod attach;
mod bodies;
mod cancel;
mod challenge;
mod ended;
mod failure;
mod fixture;
mod foreign;
mod futile;
mod grpc;
mod keys;
mod left_behind;
mod listing;
mod login;
mod nested;
mod options;
mod oracle;
mod origins;
mod permits;
mod ready;
mod record;
mod redirects;
mod refusal;
mod reloads;
mod replay;
mod rounds;
mod scripted;
mod storm;
mod storms;
mod token_endpoint;
