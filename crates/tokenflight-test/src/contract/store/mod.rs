//! The suite for [`Store`]: the seven points of the [contract](tokenflight_core::store), each from several sides.
//!
//! ```
//! use tokenflight_test::{ManualTime, ModelStore, contract};
//!
//! # let executor = ManualTime::new(0);
//! executor.run(contract::store::all(ModelStore::new));
//! ```
//!
//! A store that judges leases by [`Claim::now`](tokenflight_core::lease::Claim) needs no waiting: [`all`] hands in a
//! clock that jumps. A store with a clock of its own needs [`all_with`] and a [`Setting`] whose clock really waits.
//! A store that outlives the process also needs [`survives`].
//!
//! Every rule uses keys of its own, so the rules may share one store, but a second run over the same data needs another
//! [prefix](Setting::prefix).

mod commit;
mod end;
mod intent;
mod keep;
mod lease;
mod reset;
mod setting;
mod together;
mod trial;

use tokenflight_core::Store;

pub use self::{
    commit::{
        commit_needs_no_lease, commit_of_a_late_holder_is_stored, commit_over_a_tombstone_revives,
        commit_raises_the_generation, commit_refuses_another_epoch, commit_refuses_another_predecessor,
        commit_stores_the_successor, commit_without_a_record_begins_one, commit_without_a_refresh_token,
    },
    end::{end_keeps_the_tokens, end_refuses_a_mismatch},
    intent::{
        intent_blocks_until_it_runs_out_and_stays_visible, intent_needs_the_lease, intent_of_another_is_not_settled,
        settled_ambiguous_stays_visible, settled_untouched_is_cleared,
    },
    keep::{keys_do_not_disturb_each_other, survives, tokens_come_back_as_they_were, unknown_keys_are_empty},
    lease::{lease_excludes, lease_is_released_by_its_owner_only, lease_runs_out, lease_shows_the_record},
    reset::{
        counters_never_decrease, reset_always_wins, reset_begins_an_epoch, reset_refuses_what_is_older,
        reset_without_tokens_leaves_none,
    },
    setting::{Clock, Setting, WaitingClock},
    together::{one_of_many_commits_is_stored, one_of_many_leases_is_granted},
};

/// Runs every rule but [`survives`]; `make` returns an empty store, or a handle on one that they share.
///
/// # Panics
///
/// With the name of the first rule that is broken, or with the store's error.
pub async fn all<S: Store>(make: impl Fn() -> S) {
    all_with(make, &Setting::new()).await;
}

/// [`all`] with a clock, a lease length and a prefix.
///
/// # Panics
///
/// With the name of the first rule that is broken, or with the store's error.
pub async fn all_with<S: Store>(make: impl Fn() -> S, setting: &Setting) {
    macro_rules! run {
        ($($rule:ident),* $(,)?) => { $($rule(&make(), setting).await;)* };
    }
    run!(
        unknown_keys_are_empty,
        reset_begins_an_epoch,
        reset_always_wins,
        reset_without_tokens_leaves_none,
        lease_excludes,
        lease_runs_out,
        lease_is_released_by_its_owner_only,
        lease_shows_the_record,
        intent_needs_the_lease,
        intent_blocks_until_it_runs_out_and_stays_visible,
        intent_of_another_is_not_settled,
        settled_untouched_is_cleared,
        settled_ambiguous_stays_visible,
        commit_stores_the_successor,
        commit_needs_no_lease,
        commit_of_a_late_holder_is_stored,
        commit_refuses_another_epoch,
        commit_refuses_another_predecessor,
        commit_raises_the_generation,
        commit_without_a_record_begins_one,
        commit_without_a_refresh_token,
        end_keeps_the_tokens,
        end_refuses_a_mismatch,
        commit_over_a_tombstone_revives,
        reset_refuses_what_is_older,
        counters_never_decrease,
        tokens_come_back_as_they_were,
        keys_do_not_disturb_each_other,
        one_of_many_leases_is_granted,
        one_of_many_commits_is_stored,
    );
}
