use std::{any::type_name, fmt};

use http::Extensions;
use tokenflight_core::{Error, ErrorKind};

use crate::{session::Session, sync::Arc};

/// Where a layer's tokens come from: one [`Session`] for all its requests, or [one for
/// each](PerRequest). Sealed.
pub trait Choice: sealed::Choice {}

impl<P: sealed::Choice> Choice for P {}

/// A session for each request, found by a key of type `T` in the request's extensions; made by
/// [`BearerLayer::per_request`](crate::BearerLayer::per_request).
pub struct PerRequest<T>(Arc<Find<T>>);

type Find<T> = dyn Fn(&T) -> Option<Session> + Send + Sync;

impl<T: Send + Sync + 'static> PerRequest<T> {
    pub(super) fn new(find: impl Fn(&T) -> Option<Session> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    fn find(&self, extensions: &Extensions) -> Option<Session> {
        extensions.get().and_then(|key| (self.0)(key))
    }
}

impl<T> Clone for PerRequest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for PerRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PerRequest({})", type_name::<T>())
    }
}

pub(super) mod sealed {
    use super::{Error, Extensions, Session};

    #[expect(unnameable_types, reason = "sealed")]
    pub trait Choice: Clone + Send + Sync + 'static {
        /// What a call keeps of the choice; nothing if there was none.
        type Chosen: Clone + Send + Sync + 'static;

        /// Whether the token that was sent last may be the next one to send.
        const KEEPS: bool;

        /// The session, if it is the same for all requests.
        fn only(&self) -> Option<&Session>;

        /// Chooses for a request with these extensions. `None` if they name no session.
        fn choose(&self, extensions: &Extensions) -> Option<Self::Chosen>;

        /// The session that was chosen.
        fn session<'a>(&'a self, chosen: &'a Self::Chosen) -> &'a Session;

        /// Whether the request sent now, after a wait, is still one of the session chosen for it.
        ///
        /// # Errors
        ///
        /// [`ErrorKind::SessionChanged`](super::ErrorKind::SessionChanged) if it is now another's.
        fn confirm(&self, chosen: &Self::Chosen, extensions: &Extensions) -> Result<(), Error>;
    }
}

impl sealed::Choice for Session {
    type Chosen = ();

    const KEEPS: bool = true;

    fn only(&self) -> Option<&Session> {
        Some(self)
    }

    #[inline(always)]
    fn choose(&self, _: &Extensions) -> Option<()> {
        Some(())
    }

    #[inline(always)]
    fn session<'a>(&'a self, (): &'a ()) -> &'a Session {
        self
    }

    #[inline(always)]
    fn confirm(&self, (): &(), _: &Extensions) -> Result<(), Error> {
        Ok(())
    }
}

impl<T: Send + Sync + 'static> sealed::Choice for PerRequest<T> {
    type Chosen = Session;

    const KEEPS: bool = false;

    fn only(&self) -> Option<&Session> {
        None
    }

    fn choose(&self, extensions: &Extensions) -> Option<Session> {
        self.find(extensions)
    }

    fn session<'a>(&'a self, chosen: &'a Session) -> &'a Session {
        chosen
    }

    fn confirm(&self, chosen: &Session, extensions: &Extensions) -> Result<(), Error> {
        match self.find(extensions) {
            Some(session) if Arc::ptr_eq(&session.inner, &chosen.inner) => Ok(()),
            _ => Err(Error::with_source(
                ErrorKind::SessionChanged,
                "the request's key does not stand for the session any more that its token was taken from",
            )),
        }
    }
}
