//! The suites for stores and cells: the model passes, and every rule bites.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod flawed;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    time::Duration,
};

use tokenflight_core::{
    Time,
    store::{CellStore, ClockId, Facts, Incarnation, Store},
};
use tokenflight_test::{
    ManualTime, MockStore, ModelStore,
    contract::{self, CELL_RULES, STORE_RULES, Setting, WaitingClock},
    mock::{OpKind, Trouble},
};

use self::flawed::{CellFlaw, Flaw, Flawed, FlawedCell, Forgetful};

fn block_on<F: Future>(future: F) -> F::Output {
    ManualTime::new(0).run(future)
}

fn judge(store: &dyn Store) {
    block_on(contract::store(store, &Setting::new()));
}

/// What came of running this.
fn complaint(run: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[test]
fn the_model_passes_as_every_kind_of_storage() {
    let time = ManualTime::new(0);
    let waiting = Setting::new().clock(WaitingClock(time.clone()));
    let mut none = Facts::none();
    for trusted in [false, true] {
        for incarnation in [None, Some(Incarnation::new(3))] {
            let store = ModelStore::new();
            store.set_incarnation(incarnation);
            judge(&store);
            let store = ModelStore::new();
            store.set_incarnation(incarnation);
            none.trusted = trusted;
            store.set_facts(none);
            judge(&store);
            let store = ModelStore::new();
            store.set_incarnation(incarnation);
            store.set_clock(ClockId::new(9), time.shared());
            store.set_trusted(trusted);
            time.run(contract::store(&store, &waiting));
        }
    }
}

#[test]
fn the_suites_can_be_spawned() {
    fn spawn<F: Future + Send>(_: F) {}
    let setting = Setting::new();
    let (model, cell) = (ModelStore::new(), FlawedCell::new(CellFlaw::Nothing));
    spawn(contract::store(&model, &setting));
    spawn(contract::survives(ModelStore::new, &setting));
    spawn(contract::cell(&cell, &setting));
    spawn(contract::grant(|auth| (auth.grant(), ())));
}

#[test]
fn a_second_run_over_one_store_takes_another_prefix() {
    let shared = ModelStore::new();
    for prefix in ["one", "two"] {
        block_on(contract::store(&shared, &Setting::new().prefix(prefix)));
    }
}

#[test]
fn a_store_with_a_clock_of_its_own_is_judged_by_waiting() {
    let (time, length) = (ManualTime::new(0), Duration::from_millis(500));
    let setting = Setting::new().clock(WaitingClock(time.clone())).claim_length(length);
    let store = ModelStore::new();
    store.set_clock(ClockId::new(9), time.shared());
    let before = time.now();
    time.run(contract::store(&store, &setting));
    assert!(time.now().boot - before.boot < length * 10);
    assert_eq!(time.pending_sleeps(), 0);
    let _: &dyn Time = &time;
}

#[test]
fn the_model_and_a_mock_before_it_keep_what_they_were_given() {
    let shared = ModelStore::new();
    block_on(contract::survives(|| shared.another_process(), &Setting::new()));
    judge(&MockStore::new());
}

#[test]
fn a_store_that_fails_is_named_as_the_cause() {
    let store = MockStore::new();
    store.push(OpKind::Commit, Trouble::Fail);
    let message = complaint(|| judge(&store)).unwrap();
    assert!(message.contains("the token store could not be reached: the script"), "{message}");
}

#[test]
fn a_store_that_buffers_or_keeps_claims_in_memory_does_not_survive() {
    for (buffered, claims_in_memory, expected) in [(true, false, "a login is lost"), (false, true, "a claim is lost")] {
        let inner = ModelStore::new();
        let open = || Forgetful { inner: inner.clone(), buffered, claims_in_memory, pending: Mutex::default() };
        let message = complaint(|| block_on(contract::survives(open, &Setting::new()))).unwrap();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn stores_and_cells_without_a_flaw_are_not_complained_about() {
    assert_eq!(complaint(|| judge(&Flawed::new(Flaw::Nothing))), None);
    let cell = FlawedCell::new(CellFlaw::Nothing);
    assert_eq!(complaint(|| block_on(contract::cell(&cell, &Setting::new()))), None);
    assert_eq!(complaint(|| judge(&CellStore::new(cell))), None);
}

/// Runs the suite against every flaw: each is found, and each rule finds one.
fn assert_all_found<F: Copy + PartialEq + std::fmt::Debug>(flaws: &[F], rules: &[&str], judge: impl Fn(F)) {
    let found: Vec<_> = flaws.iter().map(|&flaw| (flaw, complaint(|| judge(flaw)))).collect();
    let missed: Vec<_> = found.iter().filter(|(_, complaint)| complaint.is_none()).map(|(flaw, _)| flaw).collect();
    assert_eq!(missed, [&flaws[0]], "only the first flaw is none");
    let names =
        |rule: &&str| found.iter().any(|(_, complaint)| complaint.as_ref().is_some_and(|text| text.contains(*rule)));
    let idle: Vec<_> = rules.iter().filter(|rule| !names(rule)).collect();
    assert!(idle.is_empty(), "no flaw offends {idle:?}");
}

#[test]
fn every_flaw_of_a_store_is_found_and_every_rule_finds_one() {
    assert_all_found(Flaw::ALL, STORE_RULES, |flaw| judge(&Flawed::new(flaw)));
}

#[test]
fn every_flaw_of_a_cell_is_found_and_every_rule_finds_one() {
    assert_all_found(CellFlaw::ALL, CELL_RULES, |flaw| {
        block_on(contract::cell(&FlawedCell::new(flaw), &Setting::new()));
    });
}

#[test]
fn a_complaint_names_the_rule_and_shows_no_token() {
    for (flaw, rule) in [
        (Flaw::LoseScope, "what is stored comes back as it was"),
        (Flaw::ClaimIgnoresClaims, "a claim excludes all others"),
        (Flaw::CommitKeepsAccess, "a commit stores the successor"),
        (Flaw::OnlyTheLastRecognised, "repeated after others"),
    ] {
        let complaint = complaint(|| judge(&Flawed::new(flaw))).unwrap();
        assert!(complaint.contains(rule), "{flaw:?} is found as: {complaint}");
        assert!(!complaint.contains("access-") && !complaint.contains("refresh-"), "{complaint}");
    }
}
