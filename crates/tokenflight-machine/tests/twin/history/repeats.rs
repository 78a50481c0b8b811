//! Access tokens that came again.

use std::time::Duration;

use tokenflight_core::Generation;
use tokenflight_machine::{OriginId, Policy};

use super::{History, How, What, calms, doubled};

impl History {
    /// Since when there has been the current access token, and when a login or an answer of the server brought it last.
    pub(crate) fn span(&self) -> (Generation, Generation) {
        let (mut since, mut adopted) = Default::default();
        let mut before = (since, adopted);
        for (index, entry) in self.0.iter().enumerate() {
            match entry.what {
                What::LoggedIn(_) | What::Landed { how: How::Adopted(_), .. } => {
                    before = (since, adopted);
                    adopted = Self(self.0[..=index].to_vec()).generation();
                    since = adopted;
                }
                What::Repeated { found: true } => (since, adopted) = before,
                What::Repeated { found: false } => since = before.0,
                _ => {}
            }
        }
        (since, adopted)
    }

    /// Until when refreshing is futile for this origin: twice as long for each time the same token came again.
    pub(crate) fn futile_until(&self, origin: OriginId, policy: &Policy) -> Option<Duration> {
        let (now, times) = self.futile(origin).fold((None, 0), |(_, times), (at, _)| (Some(at), times + 1));
        let least = policy.fresh_window.max(policy.backoff_base).min(policy.storm_window);
        now.map(|at| at.saturating_add(doubled(least, times - 1, policy.storm_window)))
    }

    /// Whether this origin has refused the current token under its current number, too.
    pub(crate) fn knows_futile(&self, origin: OriginId) -> bool {
        let (_, current) = self.span();
        self.futile(origin).any(|(_, adopted)| adopted == current)
    }

    fn futile(&self, origin: OriginId) -> impl Iterator<Item = (Duration, Generation)> {
        let (current, _) = self.span();
        let start = self.since(|what| calms(what, origin));
        self.0[start..].iter().filter_map(move |entry| match entry.what {
            What::Futile { origin: other, since, adopted } if other == origin && since == current => {
                Some((entry.at.boot, adopted))
            }
            _ => None,
        })
    }
}
