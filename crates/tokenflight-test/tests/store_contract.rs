//! The suite for stores: the model passes, and every rule bites.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod flawed;

use std::{panic::catch_unwind, sync::Mutex, time::Duration};

use tokenflight_core::Time;
use tokenflight_test::{
    ManualTime, MockStore, ModelStore,
    contract::store::{self, Setting, WaitingClock},
    mock::{OpKind, Trouble},
};

use self::flawed::{Flaw, Flawed, Forgetful};

fn block_on<F: Future>(future: F) -> F::Output {
    ManualTime::new(0).run(future)
}

/// What came of running this against a store.
fn complaint(run: impl FnOnce() + std::panic::UnwindSafe) -> Option<String> {
    let panic = catch_unwind(run).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// Every rule of `all` by itself: its name, and what it says about a store with a flaw.
type Rule = (&'static str, fn(Flaw) -> Option<String>);

macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        &[$((stringify!($rule), |flaw| complaint(move || block_on(store::$rule(&Flawed::new(flaw), &Setting::new()))))),*]
    };
}

const RULES: &[Rule] = rules!(
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

#[test]
fn the_model_passes() {
    block_on(store::all(ModelStore::new));
}

#[test]
fn the_suite_can_be_spawned() {
    fn spawn<F: Future + Send + 'static>(_: F) {}
    spawn(store::all(ModelStore::new));
    spawn(tokenflight_test::contract::grant::all(|auth| (auth.grant(), ())));
}

#[test]
fn the_rules_can_share_one_store_under_several_prefixes() {
    let shared = ModelStore::new();
    for prefix in ["one", "two"] {
        block_on(store::all_with(|| shared.clone(), &Setting::new().prefix(prefix)));
    }
}

#[test]
fn a_store_with_a_clock_of_its_own_is_judged_by_waiting() {
    let time = ManualTime::new(0);
    let setting = Setting::new().clock(WaitingClock(time.clone())).lease_length(Duration::from_millis(500));
    let before = time.now();
    time.run(store::all_with(ModelStore::new, &setting));
    assert!(time.now().boot - before.boot < Duration::from_millis(500 * 5));
    assert_eq!(time.pending_sleeps(), 0);
    let _: &dyn Time = &time;
}

#[test]
fn the_model_and_a_mock_before_it_keep_what_they_were_given() {
    let shared = ModelStore::new();
    block_on(store::survives(|| shared.clone(), &Setting::new()));
    block_on(store::all(MockStore::new));
}

#[test]
fn a_store_that_fails_is_named_as_the_cause() {
    let result = catch_unwind(|| {
        block_on(store::all(|| {
            let store = MockStore::new();
            store.push(OpKind::Commit, Trouble::Fail);
            store
        }));
    });
    let message = result.unwrap_err().downcast_ref::<String>().cloned().unwrap();
    assert!(message.contains("the token store failed: the script"), "{message}");
}

#[test]
fn a_store_that_buffers_or_keeps_intents_in_memory_does_not_survive() {
    for (buffered, forget_intents, expected) in [(true, false, "a commit is lost"), (false, true, "an intent is lost")]
    {
        let result = catch_unwind(|| {
            let inner = ModelStore::new();
            let open = || Forgetful { inner: inner.clone(), buffered, forget_intents, pending: Mutex::default() };
            block_on(store::survives(open, &Setting::new()));
        });
        let message = result.unwrap_err().downcast_ref::<String>().cloned().unwrap();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_store_without_a_flaw_is_not_complained_about() {
    assert_eq!(complaint(|| block_on(store::all(|| Flawed::new(Flaw::Nothing)))), None);
}

/// What the suite must say about each flaw.
const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::LeaseForAll, "3, a lease excludes"),
    (Flaw::LeaseForAllWithoutRecord, "3, a lease excludes"),
    (Flaw::LeaseForEver, "for longer than the lease lasts"),
    (Flaw::LeaseHalfAsLong, "before its length has passed"),
    (Flaw::LeaseWithoutRecord, "(C-31)"),
    (Flaw::LeaseOfOldRecord, "(C-31)"),
    (Flaw::LeaseOnAllKeys, "the lease is not granted"),
    (Flaw::LeaseBlocksItselfLong, "for longer than the lease lasts"),
    (Flaw::LeaseNotAtomic, "1, a lease is one atomic step"),
    (Flaw::ReleaseByAnybody, "released it"),
    (Flaw::SettleKeepsLease, "although its owner released it"),
    (Flaw::SettleForAnybody, "(R-514)"),
    (Flaw::SettleForgetsAmbiguous, "settled as ambiguous"),
    (Flaw::SettleAmbiguousAlways, "settled as untouched"),
    (Flaw::SettleNeverClears, "settled as untouched"),
    (Flaw::SettleMakesRecord, "reading or settling made a record"),
    (Flaw::IntendWithoutLease, "may still present"),
    (Flaw::IntendIsForgotten, "4, an intent"),
    (Flaw::IntendOnPaper, "without a lease"),
    (Flaw::IntendAmbiguous, "counts as ambiguous"),
    (Flaw::IntendWrongOwner, "names another owner"),
    (Flaw::IntendNoRecordTrue, "without a lease"),
    (Flaw::IntentVanishesWithLease, "is not visible under the next lease"),
    (Flaw::AmbiguousBlocks, "although the attempt has ended"),
    (Flaw::CommitNeedsLease, "5, a commit needs no lease"),
    (Flaw::CommitAnyEpoch, "in another epoch"),
    (Flaw::CommitNewerEpoch, "in another epoch"),
    (Flaw::CommitAnyPredecessor, "predecessor"),
    (Flaw::CommitMissingPredecessor, "predecessor"),
    (Flaw::CommitKeepsGeneration, "did not raise the generation"),
    (Flaw::CommitTakesGeneration, "did not raise the generation"),
    (Flaw::CommitAlwaysOneMore, "was not taken as it is"),
    (Flaw::CommitKeepsIntent, "the intent is still there"),
    (Flaw::CommitKeepsLease, "although the attempt has ended"),
    (Flaw::CommitReleasesAll, "because somebody without it committed"),
    (Flaw::CommitKeepsOldTokens, "other tokens are stored"),
    (Flaw::CommitMixesTokens, "other tokens are stored"),
    (Flaw::CommitNotFirst, "although it begins the grant"),
    (Flaw::CommitAnythingFirst, "without a record"),
    (Flaw::CommitAfterLogout, "after a logout"),
    (Flaw::CommitNotOverTombstone, "because of a tombstone"),
    (Flaw::CommitWrongAnswer, "than was answered"),
    (Flaw::CommitNotAtomic, "1, a commit is one atomic step"),
    (Flaw::ConflictEmpty, "does not tell what is stored"),
    (Flaw::ConflictClearsIntent, "a conflict does not tell"),
    (Flaw::EndDeletes, "no record is stored"),
    (Flaw::EndForgetsTokens, "other tokens are kept"),
    (Flaw::EndForgetsReason, "another reason is kept"),
    (Flaw::EndTakesTheTime, "another time is kept"),
    (Flaw::EndAnyEpoch, "in another epoch"),
    (Flaw::EndAnyToken, "for another refresh token"),
    (Flaw::EndKeepsIntent, "the intent is still there (R-213)"),
    (Flaw::EndRaisesEpoch, "an end changed the epoch"),
    (Flaw::EndWithoutRecord, "where nothing is stored"),
    (Flaw::ResetCanLose, "7, a reset always succeeds"),
    (Flaw::ResetKeepsEpoch, "the epoch is not larger than before"),
    (Flaw::ResetTakesEpoch, "the epoch is not larger than before"),
    (Flaw::ResetTakesGeneration, "the generation is not larger than before"),
    (Flaw::ResetAlwaysOneMore, "does not take the epoch"),
    (Flaw::ResetKeepsIntent, "the intent is still there"),
    (Flaw::ResetKeepsTokens, "tokens are left"),
    (Flaw::ResetWrongAnswer, "7, a reset begins an epoch"),
    (Flaw::KeysInOneCase, "R-615"),
    (Flaw::KeysTrimmed, "R-615"),
    (Flaw::KeysAsPaths, "R-615"),
    (Flaw::LoseScope, "came back otherwise"),
    (Flaw::LoseFractions, "came back otherwise"),
    (Flaw::LoseLifetime, "came back otherwise"),
];

#[test]
fn every_flaw_is_found_and_named() {
    let mut missed = Vec::new();
    for &(flaw, expected) in FLAWS {
        match complaint(move || block_on(store::all(|| Flawed::new(flaw)))) {
            None => missed.push(format!("{flaw:?} is not found")),
            Some(message) if message.contains(expected) => {}
            Some(message) => missed.push(format!("{flaw:?} is found as: {message}")),
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert_eq!(FLAWS.len() + 1, Flaw::ALL.len(), "a flaw is not in the table");
}

#[test]
fn every_rule_bites_by_itself() {
    for (name, rule) in RULES {
        assert_eq!(rule(Flaw::Nothing), None, "{name}");
        assert!(Flaw::ALL.iter().any(|&flaw| rule(flaw).is_some()), "no flaw offends the rule {name}");
    }
}
