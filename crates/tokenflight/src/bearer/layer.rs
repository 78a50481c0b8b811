use std::fmt;

use tower_layer::Layer;

use super::{Bearer, CloneBody, Origins};
use crate::session::Session;

/// Wraps services in [`Bearer`]; see the [module documentation](super).
#[derive(Clone)]
pub struct BearerLayer<K = CloneBody> {
    session: Session,
    origins: Origins,
    replay: K,
}

impl BearerLayer {
    /// A layer that sends this session's tokens to these origins, and keeps bodies for a replay by cloning them.
    #[must_use]
    pub fn new(session: Session, origins: Origins) -> Self {
        Self { session, origins, replay: CloneBody }
    }
}

impl<S: Clone, K: Clone> Layer<S> for BearerLayer<K> {
    type Service = Bearer<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        Bearer::new(inner, self.session.clone(), self.origins.clone(), self.replay.clone())
    }
}

impl<K> fmt::Debug for BearerLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerLayer")
            .field("session", &self.session)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
