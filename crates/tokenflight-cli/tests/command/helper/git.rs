//! git, against a server that speaks its plain HTTP protocol.

use std::net::SocketAddr;

use crate::support::*;

/// A repository with one branch, for those who have a token.
struct Forge {
    address: SocketAddr,
    /// The last `Authorization` that was sent.
    sent: Arc<Mutex<Option<String>>>,
}

impl Forge {
    fn start(server: Server, challenge: &'static str) -> Self {
        let sent = Arc::<Mutex<Option<String>>>::default();
        let noted = Arc::clone(&sent);
        let address = serve(move |request| {
            let authorization = request.header("authorization").map(str::to_owned);
            let token = authorization.as_deref().and_then(token);
            noted.lock().unwrap().clone_from(&authorization);
            match token.is_some_and(|token| server.is_good(&token)) {
                true => repository(request),
                false => Response::new(401, "").header("www-authenticate", challenge),
            }
        });
        Self { address, sent }
    }

    fn host(&self) -> String {
        self.address.to_string()
    }
}

fn token(authorization: &str) -> Option<String> {
    if let Some(token) = authorization.strip_prefix("Bearer ") {
        return Some(token.to_owned());
    }
    let pair = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    String::from_utf8(pair).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

const COMMIT: &str = "1111111111111111111111111111111111111111";

fn repository(request: &Request) -> Response {
    match request.path() {
        "/thing.git/info/refs" => Response::new(200, format!("{COMMIT}\trefs/heads/main\n")),
        "/thing.git/HEAD" => Response::new(200, "ref: refs/heads/main\n"),
        _ => Response::new(404, ""),
    }
}

/// Without git nothing shows that its helper works: the tests fail.
fn git() -> PathBuf {
    find("git", "its helper is always driven by it").unwrap()
}

fn ls_remote(user: &User, git: &PathBuf, forge: &Forge) -> Output {
    let helper = format!("credential.helper=!{} helper git", env!("CARGO_BIN_EXE_tokenflight"));
    let mut command = user.program(git);
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
    command.args(["-c", "credential.helper=", "-c", &helper, "ls-remote"]);
    command.arg(format!("http://{}/thing.git", forge.address)).output().unwrap()
}

#[test]
fn git_gets_the_token_as_a_password_and_a_refused_one_is_replaced() {
    let git = git();
    let user = User::new();
    let forge = Forge::start(user.server.clone(), "Basic realm=\"forge\"");
    user.log_in(&[&forge.host()]);
    let output = ls_remote(&user, &git, &forge);
    assert!(String::from_utf8_lossy(&output.stdout).contains(COMMIT), "{output:?}");
    let sent = forge.sent.lock().unwrap().clone().unwrap();
    assert!(sent.starts_with("Basic ") && token(&sent).as_deref() == Some(&user.token()));

    // The token is taken back. The first command is refused, and tells; the next has a newer one.
    user.age(60);
    assert!(user.server.auth.revoke_access(&user.token()));
    let refused = ls_remote(&user, &git, &forge);
    assert!(!refused.status.success() && said(&refused).contains("Authentication failed"), "{refused:?}");
    let next = ls_remote(&user, &git, &forge);
    assert!(String::from_utf8_lossy(&next.stdout).contains(COMMIT), "{next:?}");
    assert_eq!(user.server.rotations(), 1);
    user.server.auth.assert_unharmed();
}

#[test]
fn git_gets_a_bearer_token_where_the_server_wants_one() {
    let git = git();
    let user = User::new();
    let forge = Forge::start(user.server.clone(), "Bearer realm=\"forge\"");
    user.log_in(&[&forge.host()]);
    let output = ls_remote(&user, &git, &forge);
    let sent = forge.sent.lock().unwrap().clone().unwrap();
    match sent.starts_with("Bearer ") {
        true => assert!(String::from_utf8_lossy(&output.stdout).contains(COMMIT), "{output:?}"),
        false => eprintln!("skipped: this git is older than 2.46 and sends passwords only"),
    }
}

#[test]
fn git_is_refused_at_a_host_that_is_not_listed() {
    let git = git();
    let user = User::logged_in(&["listed.example"]);
    let forge = Forge::start(user.server.clone(), "Basic realm=\"forge\"");
    let output = ls_remote(&user, &git, &forge);
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(*forge.sent.lock().unwrap(), None);
}

#[test]
fn an_erased_token_that_is_young_or_not_the_stored_one_is_no_reason_to_refresh() {
    let user = User::logged_in(&["listed.example"]);
    let erase = |token: &str| {
        let question = format!("protocol=https\nhost=listed.example\nusername=oauth2\npassword={token}\n\n");
        assert!(user.feed(&["helper", "git", "erase"], &question).status.success());
    };
    let token = user.token();
    erase(&token);
    user.age(60);
    erase("another");
    assert_eq!((user.token(), user.server.rotations()), (token.clone(), 0));
    erase(&token);
    assert!(user.token() != token);
    assert_eq!(user.server.rotations(), 1);
}
