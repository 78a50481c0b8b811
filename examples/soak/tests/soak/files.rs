//! The login's file, and the store that keeps it.

use std::{fs, path::PathBuf, sync::Arc};

use tokenflight_example_soak::{FileStore, TokenFile};
use tokenflight_test::{ManualTime, contract};

use crate::bed::folder;

const LOGIN: &str =
    r#"{"access_token": "a", "refresh_token": "r", "expires_in": 60, "token_type": "Bearer", "x": [1]}"#;

fn login(name: &str) -> PathBuf {
    let file = folder(name).join("tokens.json");
    fs::write(&file, LOGIN).unwrap();
    file
}

#[test]
fn the_store_keeps_the_contract() {
    let (file, _) = TokenFile::open(&login("contract")).unwrap();
    let store = FileStore::new(Arc::new(file));
    ManualTime::new(0).run(contract::store(&store, &contract::Setting::new()));
}

#[test]
fn a_commit_is_in_the_file_and_leaves_the_rest_of_it_alone() {
    let path = login("commit");
    let (file, set) = TokenFile::open(&path).unwrap();
    let tokens = tokenflight::StoredTokens::from_set(
        &tokenflight::TokenSet::new("b").refresh_token("s").expires_in(std::time::Duration::from_secs(30)),
        std::time::Duration::ZERO,
        set.refresh(),
    );
    file.write(&tokens).unwrap();
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let wanted = serde_json::json!(
        {"access_token": "b", "refresh_token": "s", "expires_in": 30, "token_type": "Bearer", "x": [1]}
    );
    assert_eq!(written, wanted);
    // Nothing else is left beside it but the lock, and that goes too.
    drop(file);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn what_is_written_is_for_its_owner_only_and_a_link_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let path = login("mode");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let link = path.with_file_name("link.json");
    symlink(&path, &link).unwrap();
    let (file, set) = TokenFile::open(&link).unwrap();
    file.write(&tokenflight::StoredTokens::from_set(&set, std::time::Duration::ZERO, None)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_login_is_used_by_one_soak_at_a_time() {
    let path = login("lock");
    let first = TokenFile::open(&path).unwrap();
    let second = TokenFile::open(&path).unwrap_err();
    assert!(second.to_string().contains("another soak"), "{second}");
    drop(first);
    assert!(TokenFile::open(&path).is_ok());
}

#[test]
fn a_new_login_is_made_by_one_soak_at_a_time() {
    let path = folder("new-lock").join("tokens.json");
    let first = TokenFile::create(&path).unwrap();
    let second = TokenFile::create(&path).unwrap_err();
    assert!(second.to_string().contains("another soak"), "{second}");
    drop(first);
    assert!(TokenFile::create(&path).is_ok());
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_only_and_does_not_stand_where_a_link_leads() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let path = folder("new-mode").join("tokens.json");
    let file = TokenFile::create(&path).unwrap();
    assert!(!path.exists());
    let set = tokenflight::TokenSet::new("a").refresh_token("r");
    file.write(&tokenflight::StoredTokens::from_set(&set, std::time::Duration::ZERO, None)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let link = path.with_file_name("link.json");
    symlink(path.with_file_name("nowhere.json"), &link).unwrap();
    let error = TokenFile::create(&link).unwrap_err();
    assert!(error.to_string().contains("does not overwrite"), "{error}");
}

#[test]
fn a_file_that_is_no_login_is_refused_without_quoting_it() {
    for text in [
        r#"{"access_token": "very-secret", "refresh_token": 7}"#,
        r#"{"access_token": ["very-secret"], "refresh_token": "r"}"#,
        r#"["very-secret"]"#,
        r#"very-secret"#,
        r#"{"access_token": "", "refresh_token": "very-secret"}"#,
    ] {
        let path = login("no-login");
        fs::write(&path, text).unwrap();
        let error = TokenFile::open(&path).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("very-secret"), "{error:?}");
        // Nobody is locked out of the file when it is good.
        fs::write(&path, LOGIN).unwrap();
        assert!(TokenFile::open(&path).is_ok());
    }
}
