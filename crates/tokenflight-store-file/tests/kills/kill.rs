//! `kill -9` before every call.

use std::{
    os::unix::process::ExitStatusExt,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use futures_executor::block_on;
use tokenflight_core::store::{Owner, Reply, Store, Timing};
use tokenflight_store_file::FileStore;

use crate::{
    operation::{ALL, is_done},
    support::{
        child::{ROUNDS, strace},
        ops::{claim, key, try_claim},
    },
    trace::{Call, Run, calls, for_each},
};

/// What the next process finds: the record as it was or as it will be, and a free turn.
pub(crate) fn assert_taken_over(name: &str, run: &Run, call: &Call) -> bool {
    let store = FileStore::in_dir(run.state());
    block_on(async {
        let before = store.load(&key()).await.unwrap();
        let done = is_done(name, before.entry.as_ref());
        let claimed = before.entry.as_ref().is_some_and(|entry| entry.claim.is_some());
        let reply = store.apply(&key(), claim(&before, Owner::unique())).await.unwrap();
        let after = store.load(&key()).await.unwrap().entry;
        let dying = after.as_ref().and_then(|entry| entry.claim.as_ref()).is_some_and(|claim| claim.dying);
        match reply {
            // The killed process may have presented: what it sent is given time to arrive.
            Reply::Busy { retry_after, .. } => {
                assert!(claimed && dying && retry_after == Some(Timing::DEFAULT.drain), "{name}, {call:?}");
            }
            Reply::Granted(entry) => {
                assert!(!claimed && entry.doubt.is_none(), "{name}, {call:?}: {entry:?}");
            }
            Reply::Changed(entry) => {
                assert!(done && matches!(name, "end" | "logout"), "{name}, {call:?}: {entry:?}");
            }
            other => panic!("{name}, {call:?}: {other:?}"),
        }
        // A draft of a killed process is gone after the next write.
        if !matches!(name, "end" | "logout") {
            assert!(!run.state().join(".alice.json.tmp").exists(), "{name}, {call:?}");
        }
        done
    })
}

/// How often a process is killed at each place: once, or as often as `TOKENFLIGHT_ROUNDS` says.
fn rounds() -> usize {
    std::env::var(ROUNDS).map_or(1, |rounds| rounds.parse().unwrap())
}

#[test]
fn a_process_killed_before_any_call_leaves_the_old_record_or_the_new_one_and_no_lock() {
    let Some(strace) = strace() else { return };
    for name in ALL {
        let calls = calls(&strace, name);
        let (old, new) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let kills = vec![calls.clone(); rounds()].concat();
        for_each(&kills, |call| {
            let inject = format!("inject={}:signal=KILL:when={}", call.name, call.number);
            let run = Run::new(&strace, name, &["-e".to_owned(), inject]);
            assert_eq!(run.output.status.signal(), Some(9), "{name}, {call:?} was not reached: {}", run.said());
            let done = assert_taken_over(name, &run, call);
            if done { &new } else { &old }.fetch_add(1, SeqCst);
        });
        let (old, new) = (old.into_inner(), new.into_inner());
        let (places, kills) = (calls.len(), kills.len());
        println!("{name}: {kills} kills before {places} calls, {old} times the old record, {new} times the new one");
        assert!(old > 0 && new > 0, "{name} was not killed on both sides of its replacement");
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let Some(strace) = strace() else { return };
    for name in ALL {
        // After the end of the operation, before the next call with its files.
        let call = calls(&strace, name).into_iter().rfind(|call| call.name == "close").unwrap();
        let after = Call { number: call.number + 1, ..call };
        let inject = format!("inject=close:signal=KILL:when={}", after.number);
        for_each(&vec![after; rounds()], |after| {
            let run = Run::new(&strace, name, &["-e".to_owned(), inject.clone()]);
            assert_eq!(run.output.status.signal(), Some(9), "{name} was not killed");
            assert!(run.said().contains("first done"), "{name} was killed too early");
            assert!(assert_taken_over(name, &run, after), "{name} was acknowledged and is lost");
        });
    }
}

#[test]
fn what_a_dead_holder_sent_is_given_time_to_arrive_before_it_is_taken_over_in_doubt() {
    let Some(strace) = strace() else { return };
    let call = calls(&strace, "commit").remove(0);
    let inject = format!("inject={}:signal=KILL:when={}", call.name, call.number);
    let run = Run::new(&strace, "commit", &["-e".to_owned(), inject]);
    let store = FileStore::in_dir(run.state());
    let ask = || try_claim(&store, 7).unwrap();
    let drain = Timing::DEFAULT.drain;
    assert!(matches!(ask(), Reply::Busy { retry_after: Some(wait), .. } if wait == drain));
    std::thread::park_timeout(drain / 2);
    let Reply::Busy { retry_after: Some(left), .. } = ask() else { panic!("it was not waited for") };
    assert!(left <= drain / 2, "every waiter begins anew: {left:?}");
    std::thread::park_timeout(left + Duration::from_millis(20));
    let Reply::Granted(entry) = ask() else { panic!("it is never taken over") };
    assert!(entry.doubt.is_some_and(|doubt| doubt.since.is_some()), "nothing tells that it may have been presented");
}
