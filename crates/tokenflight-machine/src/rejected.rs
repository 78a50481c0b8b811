//! Who has refused the current access token: a refusal of one server is no other's.

use crate::OriginId;

/// Who has refused the current access token.
#[derive(Clone, Debug, Default)]
pub(super) struct Rejected {
    /// The latest, in their order.
    origins: Vec<OriginId>,
    /// Refused by the user.
    everywhere: bool,
}

impl Rejected {
    /// Origins remembered at once. One that is forgotten is sent the token once more, and refuses
    /// it once more: that many refusals are no reason to take the token from an origin that has
    /// never refused it.
    const MOST: usize = 8;

    pub(super) fn is_empty(&self) -> bool {
        self.origins.is_empty() && !self.everywhere
    }

    /// Whether this origin has refused the token; `None` is a caller that has no origin.
    pub(super) fn by(&self, origin: Option<OriginId>) -> bool {
        self.everywhere || origin.is_some_and(|origin| self.origins.contains(&origin))
    }

    #[inline]
    pub(super) fn add(&mut self, origin: Option<OriginId>) {
        match origin {
            Some(origin) if self.origins.contains(&origin) => {}
            Some(origin) => {
                if self.origins.len() == Self::MOST {
                    self.origins.remove(0);
                }
                self.origins.push(origin);
            }
            None => self.everywhere = true,
        }
    }

    pub(super) fn origins(&self) -> &[OriginId] {
        &self.origins
    }
}
