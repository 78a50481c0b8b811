//! One file for each peer.

pub(crate) mod aliri;
pub(crate) mod aws;
pub(crate) mod azure;
pub(crate) mod gcp;
pub(crate) mod google;
pub(crate) mod kube;
pub(crate) mod middleware;
pub(crate) mod octo;
pub(crate) mod ours;
pub(crate) mod tower_stack;
pub(crate) mod yup;

/// A key that opens nothing: some crates sign what they ask for a token with.
const KEY: &str = include_str!("../../test-key.pem");
