//! One record, found by other paths.

use std::{env, fs, os::unix::fs::symlink, path::Path, process::Command, time::Duration};

use futures_executor::block_on;
use tokenflight_core::store::{Reply, Store};
use tokenflight_store_file::{FileError, FileStore, Presenter};

use crate::support::{
    Folder,
    child::{given, said, say},
    ops::{commit, file_error, holds, is_busy, is_granted, key, log_in, logged_in, try_claim, two_logged_in},
};

const RECORD: &str = "TOKENFLIGHT_RECORD";

/// Says whether the record can be claimed from this process.
pub(crate) fn claim_and_say() {
    let store = FileStore::at(given(RECORD));
    match try_claim(&store, 2) {
        reply if is_granted(&reply) => say("granted"),
        reply if is_busy(&reply) => say("busy"),
        Err(error) => say(&format!("{:?}", file_error(&error))),
        Ok(_) => say("changed"),
    }
}

/// What a process says that finds the record by this path, from this working directory, after this
/// shell command in mount and process namespaces of its own.
fn claimed_by_another(record: &Path, folder: &Path, prepare: Option<&str>) -> String {
    let exe = env::current_exe().unwrap();
    let mut command = match prepare {
        None => Command::new(&exe),
        Some(prepare) => {
            let mut command = Command::new("unshare");
            command
                .args(["--mount", "--pid", "--fork", "sh", "-c", &format!("{prepare} && exec \"$0\" \"$@\"")])
                .arg(&exe);
            command
        }
    };
    command.args(["--exact", "child", "--nocapture"]).env("TOKENFLIGHT_PART", "claim").env(RECORD, record);
    let output = command.current_dir(folder).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    said(&text).next().unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

#[test]
fn links_and_other_working_directories_lead_to_one_lock() {
    let folder = Folder::new();
    let real = folder.join("real");
    let store = FileStore::at(real.join("token.json"));
    log_in(&store, 1).unwrap();
    symlink(&real, folder.join("linked")).unwrap();
    symlink("real/token.json", folder.join("link.json")).unwrap();
    symlink(folder.join("link.json"), folder.join("link-to-link.json")).unwrap();
    assert!(is_granted(&try_claim(&store, 1)));
    for path in ["linked/token.json", "link.json", "link-to-link.json", "real/../linked/token.json"] {
        for other in [folder.join(path), Path::new(path).to_owned()] {
            assert_eq!(claimed_by_another(&other, folder.path(), None), "busy", "{}", other.display());
        }
    }
    assert_eq!(claimed_by_another(Path::new("token.json"), &real, None), "busy");
    commit(&store, 2).unwrap();
    assert_eq!(claimed_by_another(&folder.join("link.json"), folder.path(), None), "granted");
    // What is written through a link replaces the record, not the link.
    let linked = FileStore::at(folder.join("link.json"));
    log_in(&linked, 3).unwrap();
    assert!(fs::symlink_metadata(folder.join("link.json")).unwrap().is_symlink());
    assert!(holds(&store, 3));
}

#[test]
fn a_link_to_a_record_that_does_not_exist_yet_says_where_it_will_be() {
    let folder = Folder::new();
    symlink("state/token.json", folder.join("link.json")).unwrap();
    log_in(&FileStore::at(folder.join("link.json")), 1).unwrap();
    assert!(holds(&FileStore::at(folder.join("state/token.json")), 1));
    symlink("b.json", folder.join("a.json")).unwrap();
    symlink("a.json", folder.join("b.json")).unwrap();
    let error = log_in(&FileStore::at(folder.join("a.json")), 1).unwrap_err();
    assert!(matches!(file_error(&error), FileError::NotARecord { .. }), "{error:?}");
}

#[test]
fn a_folder_that_is_mounted_elsewhere_has_the_same_lock_there() {
    if !crate::users::is_root("mounted elsewhere") {
        return;
    }
    let folder = Folder::new();
    let (real, mounted) = (folder.join("real"), folder.join("mounted"));
    fs::create_dir(&mounted).unwrap();
    let store = FileStore::in_dir(&real);
    log_in(&store, 1).unwrap();
    let mount = format!("mount --bind {} {}", real.display(), mounted.display());
    assert!(is_granted(&try_claim(&store, 1)));
    assert_eq!(claimed_by_another(&mounted.join("alice.json"), folder.path(), Some(&mount)), "busy");
    commit(&store, 2).unwrap();
    assert_eq!(claimed_by_another(&mounted.join("alice.json"), folder.path(), Some(&mount)), "granted");
}

#[test]
fn a_record_that_is_a_mount_of_its_own_is_refused_in_words() {
    if !crate::users::is_root("a single mounted file") {
        return;
    }
    let (folder, store) = logged_in();
    let record = folder.join("alice.json");
    let mount = format!("mount --bind {0} {0}", record.display());
    assert!(claimed_by_another(&record, folder.path(), Some(&mount)).starts_with("Mounted"));
    assert!(holds(&store, 1));
}

#[test]
fn a_hard_link_is_parted_by_the_next_write() {
    let (folder, store) = logged_in();
    let backup = folder.join("backup.json");
    fs::hard_link(folder.join("alice.json"), &backup).unwrap();
    let kept = fs::read(&backup).unwrap();
    log_in(&store, 2).unwrap();
    assert!(holds(&store, 2) && fs::read(&backup).unwrap() == kept);
}

#[test]
fn a_copy_serves_its_access_token_and_is_not_presented_until_it_is_adopted() {
    let folder = Folder::new();
    let (original, copied) = (folder.join("original"), folder.join("copied"));
    log_in(&FileStore::in_dir(&original), 1).unwrap();
    for locks in [true, false] {
        fs::create_dir(&copied).unwrap();
        for name in ["alice.json", "alice.json.lock", "alice.json.turn"] {
            if locks || name == "alice.json" {
                let _ = fs::copy(original.join(name), copied.join(name));
            }
        }
        let copy = FileStore::in_dir(&copied);
        assert!(holds(&copy, 1));
        let error = try_claim(&copy, 1).unwrap_err();
        assert!(matches!(file_error(&error), FileError::Copied { .. }), "{error:?}");
        assert!(copy.status(&key()).unwrap().is_copy);
        copy.adopt(&key()).unwrap();
        copy.adopt(&key()).unwrap();
        let status = copy.status(&key()).unwrap();
        assert!(!status.is_copy && status.entry.unwrap().doubt.is_some());
        assert!(is_granted(&try_claim(&copy, 1)));
        fs::remove_dir_all(&copied).unwrap();
    }
    // The original is none, and a login makes a copy another original.
    let store = FileStore::in_dir(&original);
    assert!(is_granted(&try_claim(&store, 1)));
    fs::create_dir(&copied).unwrap();
    fs::copy(original.join("alice.json"), copied.join("alice.json")).unwrap();
    let copy = FileStore::in_dir(&copied);
    log_in(&copy, 2).unwrap();
    assert!(is_granted(&try_claim(&copy, 1)));
}

#[test]
fn a_lock_file_that_was_deleted_makes_the_record_a_copy_and_a_turn_that_was_replaced_is_noticed() {
    let (folder, store, other) = two_logged_in();
    assert!(is_granted(&try_claim(&store, 1)));
    // The turn: the holder notices before it sends, and the next waits for its claim to run out.
    let seen = block_on(store.load(&key())).unwrap();
    assert!(seen.facts.lock.is_some() && seen.facts.lock == seen.entry.unwrap().claim.unwrap().lock);
    fs::remove_file(folder.join("alice.json.turn")).unwrap();
    let seen = block_on(store.load(&key())).unwrap();
    assert!(seen.facts.lock.is_none());
    let reply = try_claim(&other, 2);
    let Ok(Reply::Busy { retry_after: Some(left), .. }) = reply else { panic!("{reply:?}") };
    assert!(left > Duration::from_secs(60), "a holder that may live was taken for dead: {left:?}");
    // What the holder brings is stored all the same.
    commit(&store, 2).unwrap();
    assert!(is_granted(&try_claim(&other, 2)));
    commit(&other, 3).unwrap();
    // The lock of a step: nothing tells any more that this is not a copy.
    fs::remove_file(folder.join("alice.json.lock")).unwrap();
    let error = try_claim(&store, 3).unwrap_err();
    assert!(matches!(file_error(&error), FileError::Copied { .. }), "{error:?}");
    store.adopt(&key()).unwrap();
    assert!(is_granted(&try_claim(&store, 3)));
}

#[test]
fn a_turn_is_released_by_order_and_its_claim_still_runs_out() {
    let folder = Folder::new();
    let (store, other) = (FileStore::in_dir(folder.path()), FileStore::in_dir(folder.path()));
    assert_eq!(store.status(&key()).unwrap().presenter, Presenter::Free);
    store.release(&key()).unwrap();
    log_in(&store, 1).unwrap();
    assert!(is_granted(&try_claim(&store, 1)));
    let holder = || Some("the child".into());
    assert_eq!(other.status(&key()).unwrap().presenter, Presenter::Alive { holder: holder() });
    assert!(is_busy(&try_claim(&other, 2)));
    other.release(&key()).unwrap();
    // The holder notices before it sends.
    assert!(block_on(store.load(&key())).unwrap().facts.lock.is_none());
    assert_eq!(other.status(&key()).unwrap().presenter, Presenter::Dead { holder: "the child".into() });
    assert!(is_busy(&try_claim(&other, 2)), "a holder that may live was overtaken");
}

#[test]
fn a_time_namespace_shares_the_clock_of_the_machine() {
    if !crate::users::is_root("another time namespace") {
        return;
    }
    let (folder, store) = logged_in();
    assert!(is_granted(&try_claim(&store, 1)));
    drop(store);
    let store = FileStore::in_dir(folder.path());
    while store.status(&key()).unwrap().presenter == (Presenter::Alive { holder: Some("the child".into()) }) {}
    let record = folder.join("alice.json");
    let output = Command::new("unshare")
        .args(["--time", "--boottime", "86400", "--fork"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("TOKENFLIGHT_PART", "claim")
        .env(RECORD, &record)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said(&text).next(), Some("busy"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // That process has begun the wait for what the dead holder sent. Here it ends in five seconds,
    // too, not in a day.
    let reply = try_claim(&store, 3);
    let Ok(Reply::Busy { retry_after: Some(left), .. }) = reply else { panic!("{reply:?}") };
    assert!(left <= Duration::from_secs(5), "{left:?}");
    let entry = block_on(store.load(&key())).unwrap().entry.unwrap();
    assert!(entry.claim.is_some_and(|claim| claim.dying));
}
