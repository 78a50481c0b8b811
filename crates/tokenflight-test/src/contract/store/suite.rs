//! The rules of a [`Store`], in order.

use tokenflight_core::store::Store;

use super::{claim, commit, end, keep, reset, settle, together, trial::Trial, twice};
use crate::contract::Setting;

macro_rules! rules {
    ($($words:literal => $rule:path),* $(,)?) => {
        /// The rules that [`store`] checks, in the words with which it complains.
        pub const STORE_RULES: &[&str] = &[$($words),*];

        /// Checks a [`Store`] against the rules of its [contract](tokenflight_core::store).
        ///
        /// Each operation is compared with what [`apply`](tokenflight_core::store::apply()) says of
        /// the entry that the store shows, and done again at once; operations are also done again
        /// after others came between, held up half-way while others are done, and dropped half-way.
        /// What the storage says of itself ([`Facts`](tokenflight_core::store::Facts)) is believed.
        ///
        /// A store that judges claims by the time of the operation needs no waiting:
        /// [`Setting::new`] has a clock that jumps. One with a clock of its own needs a
        /// [`WaitingClock`](crate::contract::WaitingClock). Every rule uses keys of its own, so the
        /// store need not be empty, but a second run needs another [prefix](Setting::prefix).
        ///
        /// # Panics
        ///
        /// With the first rule that is broken, or with the store's error.
        pub async fn store(store: &dyn Store, setting: &Setting) {
            $($rule(&Trial::new(store, setting, $words)).await;)*
        }
    };
}

rules! {
    "a key that was never written is empty" => keep::unknown_keys_are_empty,
    "the storage's clock goes on" => keep::the_clock_goes_on,
    "a login begins an epoch" => reset::login_begins_an_epoch,
    "a logout leaves no tokens and says which there were" => reset::logout_leaves_no_tokens,
    "a claim is granted on the entry it was decided on" => claim::granted_on_what_was_seen,
    "a claim excludes all others" => claim::excludes,
    "a claim yields to a later attempt of its own session" => claim::yields,
    "a claim that ran out is replaced, in doubt, by a process that has watched long enough" => claim::runs_out,
    "an entry of another incarnation is watched before it is claimed" => claim::quarantine,
    "settled as untouched, the claim is gone and a doubt stays" => settle::untouched,
    "settled as ambiguous, the entry is in doubt" => settle::ambiguous,
    "a claim is settled by its owner only" => settle::by_the_owner_only,
    "a commit stores the successor and lifts claim and doubt" => commit::stores_the_successor,
    "a commit needs no claim" => commit::needs_no_claim,
    "what was read for an operation is not taken for what is stored" => commit::an_old_read_decides_nothing,
    "a commit is compared with epoch, login, token set and presented token" => commit::is_compared,
    "a commit begins a grant that has no entry, in epoch zero" => commit::begins_without_an_entry,
    "no refresh token is a predecessor like any other" => commit::without_a_refresh_token,
    "an end keeps the tokens" => end::keeps_the_tokens,
    "an end is compared with epoch, login, token set and refused token" => end::is_compared,
    "an end waits for the claim of another" => end::respects_a_claim,
    "a commit is stored over an end" => commit::over_an_end,
    "a login or logout replaces the login it was meant for, or any if it names none" => reset::base_is_compared,
    "nothing is written again without a loss" => settle::again_needs_a_loss,
    "what is stored comes back as it was" => keep::tokens_come_back_as_they_were,
    "keys do not disturb each other" => keep::keys_do_not_disturb_each_other,
    "of many at once, one has its effect" => together::one_of_many,
    "an operation repeated after others takes effect once" => twice::repeated_after_others,
    "an operation that was dropped half-way is done, or can be done again" => twice::dropped,
    "an operation that is held up takes effect before or after others" => twice::held_up,
}
