//! Records that are not as they should be.

use std::{error::Error, fs, path::Path};

use futures_executor::block_on;
use tokenflight_core::store::{Body, GrantKey, Seen, Store, StoreError, StoreErrorKind};
use tokenflight_store_file::{FileError, FileStore};

use crate::support::{
    Folder,
    ops::{commit, file_error, holds, is_granted, key, log_in, logged_in, op, tokens, try_claim},
};

fn record(folder: &Folder) -> std::path::PathBuf {
    folder.join("alice.json")
}

fn change(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in the record");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn members_that_are_not_known_are_kept() {
    let (folder, store) = logged_in();
    change(&record(&folder), "{", r#"{"color":{"hue":[1, 2]},"#);
    commit(&store, 2).unwrap();
    assert!(is_granted(&try_claim(&store, 1)));
    commit(&store, 3).unwrap();
    let text = fs::read_to_string(record(&folder)).unwrap();
    assert!(text.contains(r#""color":{"hue":[1, 2]}"#) && text.matches("\"key\"").count() == 1);
    assert!(holds(&store, 3));
}

#[test]
fn a_later_format_is_neither_read_nor_written_not_even_by_a_login() {
    let (folder, store) = logged_in();
    change(&record(&folder), "\"v\":1", "\"v\":2");
    let before = fs::read(record(&folder)).unwrap();
    for error in [
        block_on(store.load(&key())).unwrap_err(),
        log_in(&store, 2).unwrap_err(),
        commit(&store, 2).unwrap_err(),
        try_claim(&store, 1).unwrap_err(),
    ] {
        assert!(matches!(file_error(&error), FileError::Newer { version: 2, .. }), "{error:?}");
        assert_eq!(error.kind(), StoreErrorKind::Refused);
    }
    assert!(matches!(store.read(&key()), Err(FileError::Newer { .. })));
    assert_eq!(fs::read(record(&folder)).unwrap(), before);
    assert!(!folder.join("alice.json.bad").exists());
}

#[test]
fn a_damaged_record_is_no_logout_and_only_a_login_replaces_it() {
    let whole = {
        let folder = Folder::new();
        log_in(&FileStore::in_dir(folder.path()), 1).unwrap();
        fs::read(record(&folder)).unwrap()
    };
    for damaged in [&b""[..], b"not json", b"[]", b"{}", &whole[..whole.len() - 20]] {
        let folder = Folder::new();
        let store = FileStore::in_dir(folder.path());
        let first = log_in(&store, 1).unwrap();
        fs::write(record(&folder), damaged).unwrap();
        for error in [
            block_on(store.load(&key())).unwrap_err(),
            commit(&store, 2).unwrap_err(),
            try_claim(&store, 1).unwrap_err(),
            log_out(&store),
        ] {
            assert!(matches!(file_error(&error), FileError::Damaged { .. }), "{error:?}");
            assert!(error.source().unwrap().to_string().contains("log in"));
        }
        assert_eq!(fs::read(record(&folder)).unwrap(), damaged, "it was touched");
        let login = log_in(&store, 2).unwrap();
        assert!(holds(&store, 2));
        assert_eq!(fs::read(folder.join("alice.json.bad")).unwrap(), damaged);
        // Programs that knew the old one see a later login.
        assert!(login.epoch > first.epoch, "{:?}", login.epoch);
    }
}

fn log_out(store: &FileStore) -> StoreError {
    let seen = Seen::default();
    block_on(store.apply(&key(), op(&seen, Body::Reset { base: None, tokens: None }))).unwrap_err()
}

#[test]
fn what_is_no_record_is_left_alone() {
    let folder = Folder::new();
    let store = FileStore::in_dir(folder.path());
    fs::create_dir(record(&folder)).unwrap();
    let error = block_on(store.load(&key())).unwrap_err();
    assert!(matches!(file_error(&error), FileError::NotARecord { .. }), "{error:?}");
    assert!(log_in(&store, 1).is_err() && record(&folder).is_dir());
    fs::remove_dir(record(&folder)).unwrap();
    fs::write(record(&folder), vec![b' '; 1024 * 1024 + 1]).unwrap();
    let error = log_in(&store, 1).unwrap_err();
    assert!(matches!(file_error(&error), FileError::NotARecord { .. }), "{error:?}");
}

#[test]
fn a_record_serves_one_key() {
    let folder = Folder::new();
    let path = folder.join("token.json");
    let (store, bob) = (FileStore::at(&path), GrantKey::new("bob"));
    log_in(&store, 1).unwrap();
    let error = block_on(store.load(&bob)).unwrap_err();
    assert!(matches!(file_error(&error), FileError::SecondKey { .. }), "{error:?}");
    // In another process, the record itself says whose it is.
    let error = block_on(FileStore::at(&path).load(&bob)).unwrap_err();
    assert!(matches!(file_error(&error), FileError::OtherKey { .. }), "{error:?}");
    let long = GrantKey::new("x".repeat(300));
    let error = block_on(FileStore::in_dir(folder.path()).load(&long)).unwrap_err();
    assert!(matches!(file_error(&error), FileError::KeyTooLong { .. }), "{error:?}");
}

#[test]
fn a_record_that_was_removed_is_a_logout_and_a_folder_that_was_removed_is_not_made_again() {
    let folder = Folder::new();
    let state = folder.join("state");
    let store = FileStore::in_dir(&state);
    log_in(&store, 1).unwrap();
    fs::remove_file(state.join("alice.json")).unwrap();
    assert!(block_on(store.load(&key())).unwrap().entry.is_none());
    log_in(&store, 2).unwrap();
    assert!(is_granted(&try_claim(&store, 1)));
    fs::remove_dir_all(&state).unwrap();
    for error in [block_on(store.load(&key())).unwrap_err(), commit(&store, 3).unwrap_err()] {
        assert!(matches!(file_error(&error), FileError::Gone { .. }), "{error:?}");
        assert_eq!(error.kind(), StoreErrorKind::NotDone);
    }
    assert!(!state.exists());
}

#[test]
fn looking_makes_nothing() {
    let folder = Folder::new();
    let store = FileStore::in_dir(folder.join("state"));
    assert!(store.read(&key()).unwrap().is_none());
    assert!(store.status(&key()).unwrap().entry.is_none());
    store.adopt(&key()).unwrap();
    assert!(!folder.join("state").exists());
    log_in(&FileStore::in_dir(folder.path()), 1).unwrap();
    let before = fs::read_dir(folder.path()).unwrap().count();
    let store = FileStore::in_dir(folder.path());
    assert!(store.read(&key()).unwrap().is_some_and(|entry| entry.tokens() == Some(&tokens(1))));
    assert!(store.status(&key()).unwrap().entry.is_some());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before);
}
