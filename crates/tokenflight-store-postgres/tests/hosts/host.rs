//! One host: a process that asks for the tokens of all grants, all the time.

use std::{io::Write, net::SocketAddr, process::Stdio};

use tokenflight::{Grant, GrantError, ReusePolicy, TokenRequest, TokenSet, grant_fn};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{prelude::*, told::Told};

/// A token request may take so long, and so may an operation of the store.
const LIMIT: Duration = Duration::from_secs(3);

/// A claim lasts for so much longer than a token request may.
const MARGIN: Duration = Duration::from_secs(8);

/// So long a claim lasts.
pub(crate) const CLAIM: Duration = LIMIT.saturating_add(MARGIN);

/// So long a request and the write of what came of it may take.
pub(crate) const LIMITS: Duration = LIMIT.saturating_add(LIMIT);

/// Makes a process a host: the address of the database, of the authorization server, the grants,
/// the grace in seconds.
const PART: &str = "TOKENFLIGHT_HOST";

/// What a host says begins so: the test harness writes to the same pipe.
pub(crate) const MARK: &str = "@ ";

/// What all hosts are told.
#[derive(Clone)]
pub(crate) struct Orders {
    pub(crate) database: String,
    pub(crate) authorization: SocketAddr,
    pub(crate) grants: usize,
    pub(crate) grace: Option<Duration>,
}

impl Orders {
    /// Starts a process that follows them. It ends when its input does.
    pub(crate) fn start(&self) -> Child {
        let grace = self.grace.map_or(0, |grace| grace.as_secs());
        let orders = format!("{};{};{};{grace}", self.database, self.authorization, self.grants);
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture", "--test-threads=1"]).env(PART, orders);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn given() -> Option<Self> {
        let orders = env::var(PART).ok()?;
        let [database, authorization, grants, grace] = orders.split(';').collect::<Vec<_>>()[..] else {
            panic!("{orders}")
        };
        let grace = Some(grace.parse().unwrap()).filter(|grace| *grace > 0).map(Duration::from_secs);
        let (authorization, grants) = (authorization.parse().unwrap(), grants.parse().unwrap());
        Some(Self { database: database.to_owned(), authorization, grants, grace })
    }
}

pub(crate) fn play() {
    let Some(orders) = Orders::given() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let say: Say = Arc::new(|line| {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{MARK}{line}").and_then(|()| out.flush());
    });
    runtime.block_on(async {
        let mut input = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        let cell = loop {
            // The server may be down.
            match PostgresCell::open(Connections::new(&orders.database).unwrap()).await {
                Ok(cell) => break cell,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        tokio::select! {
            () = ask_for_all(&orders, &cell, &say) => {}
            _ = &mut input => {}
        }
    });
    std::process::exit(0);
}

pub(crate) type Say = Arc<dyn Fn(Line) + Send + Sync>;

/// Asks for every grant's token, all the time.
pub(crate) async fn ask_for_all(orders: &Orders, cell: &PostgresCell, say: &Say) {
    let sessions = (0..orders.grants).map(|grant| ask(session(orders, cell, grant, say), grant));
    futures_util::future::join_all(sessions).await;
}

async fn ask(session: Session, grant: usize) {
    let time = TokioTime::new();
    loop {
        if session.token().await.is_err() {
            // It may have been logged in anew by the field.
            let _ = session.reload().await;
        }
        time.sleep(Duration::from_millis(40 + (grant as u64 * 7 + time.random() % 64) % 64)).await;
    }
}

pub(crate) fn key(grant: usize) -> GrantKey {
    GrantKey::new(format!("grant-{grant}"))
}

/// A session that says what it presents and stores.
pub(crate) fn session(orders: &Orders, cell: &PostgresCell, grant: usize, say: &Say) -> Session {
    let store = Told::new(cell.clone(), grant, Arc::clone(say));
    let builder = Session::builder(refresh(orders.authorization, grant, Arc::clone(say))).key(key(grant)).store(store);
    let builder = builder.configure(|policy| {
        policy.request_limit = LIMIT;
        policy.store_limit = LIMIT;
        policy.claim_margin = MARGIN;
        policy.backoff_base = Duration::from_millis(50);
        policy.backoff_cap = Duration::from_secs(1);
        policy.storm_limit = 1000;
    });
    match orders.grace {
        Some(window) => builder.reuse_policy(ReusePolicy::Grace { window }).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

/// A refresh at the authorization server of the test kit. It says what it presents, and the answer.
fn refresh(server: SocketAddr, grant: usize, say: Say) -> impl Grant {
    grant_fn(move |request: TokenRequest| {
        let say = Arc::clone(&say);
        let tell = move |what, token: &str| {
            let step = Step::of(token).unwrap_or_default();
            say(Line { what, grant, step, at: TokioTime::new().now().boot });
        };
        async move {
            request.mark_unsent();
            let Some(token) = request.refresh_token() else { return Err(GrantError::config("nothing to present")) };
            let mut connection = TcpStream::connect(server).await.map_err(GrantError::not_sent)?;
            let body = format!("grant_type=refresh_token&refresh_token={}", token.expose());
            let head = format!(
                "POST /token HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            tell(What::Presents, token.expose());
            request.mark_sent();
            connection.write_all(head.as_bytes()).await.map_err(GrantError::ambiguous)?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.map_err(GrantError::ambiguous)?;
            let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| GrantError::ambiguous("no whole answer"))?;
            let members: serde_json::Value = serde_json::from_str(body).map_err(GrantError::ambiguous)?;
            if !head.starts_with("HTTP/1.1 200") {
                return Err(GrantError::terminal(members["error"].as_str().unwrap_or_default()));
            }
            let text = |name: &str| members[name].as_str().unwrap_or_default().to_owned();
            tell(What::Answered, &text("refresh_token"));
            let set = TokenSet::new(text("access_token")).refresh_token(text("refresh_token"));
            Ok(set.expires_in_seconds(members["expires_in"].as_f64().unwrap_or_default()))
        }
    })
}
