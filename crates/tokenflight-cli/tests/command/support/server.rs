//! The authorization server of the test kit behind all the endpoints that a login needs.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokenflight::{TokenSet, time::TokioTime};
use tokenflight_test::{AuthServer, Verdict};

use super::{
    http::{Request, Response, serve},
    pause,
};

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) auth: AuthServer,
    pub(crate) habits: Arc<Habits>,
    pub(crate) address: SocketAddr,
}

/// What a test changes.
#[derive(Default)]
pub(crate) struct Habits {
    /// Before a refresh is processed, and after.
    pub(crate) slow: Mutex<(Duration, Duration)>,
    /// How many seconds the token of the next login is said to live, if not as long as it does.
    pub(crate) login_lives: Mutex<Option<u64>>,
    /// An answer in the place of the next ones.
    pub(crate) refuse: Mutex<Option<(u16, Value)>>,
    pub(crate) no_refresh_token: AtomicBool,
    /// Which refresh is not answered, counted from one.
    pub(crate) lost: AtomicU64,
    /// Whether refreshes are taken, and neither processed nor answered.
    pub(crate) hangs: AtomicBool,
    /// Whether one was taken so.
    pub(crate) hung: AtomicBool,
    /// Whether the person at the device says no.
    pub(crate) says_no: AtomicBool,
    /// Every token that was issued.
    pub(crate) issued: Mutex<Vec<String>>,
    /// The name and the secret of the last token request's client.
    pub(crate) client: Mutex<Option<String>>,
}

impl Server {
    pub(crate) fn start(seconds: u64) -> Self {
        let time = Arc::new(TokioTime::new());
        let auth = AuthServer::builder(time).access_lifetime(Duration::from_secs(seconds)).build();
        let (habits, own) = (Arc::<Habits>::default(), auth.clone());
        let known = Arc::clone(&habits);
        let place = Arc::new(Mutex::new(String::new()));
        let issuer = Arc::clone(&place);
        let address = serve(move |request| {
            let issuer = issuer.lock().unwrap().clone();
            answer(&own, &known, &issuer, request)
        });
        *place.lock().unwrap() = format!("http://{address}");
        Self { auth, habits, address }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn is_good(&self, token: &str) -> bool {
        self.auth.check(token) == Verdict::Valid
    }

    /// So many answers with tokens.
    pub(crate) fn rotations(&self) -> u64 {
        self.auth.report().total.rotations
    }
}

fn answer(auth: &AuthServer, habits: &Habits, issuer: &str, request: &Request) -> Response {
    match request.path() {
        "/.well-known/openid-configuration" => Response::json(200, &metadata(issuer)),
        "/authorize" => {
            let back = request.query("redirect_uri").unwrap();
            let state = request.query("state").unwrap();
            Response::new(302, "").header("location", format!("{back}?code=the-code&state={state}"))
        }
        "/device" => Response::json(
            200,
            &json!({
                "device_code": "the-device", "user_code": "WDJB-MJHT", "interval": 1, "expires_in": 600,
                "verification_uri": format!("{issuer}/enter"),
            }),
        ),
        "/revoke" => {
            request.form("token").map(|token| auth.revoke_refresh(&token));
            Response::new(200, "")
        }
        "/me" => {
            let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
            let is_good = token.is_some_and(|token| auth.check(token) == Verdict::Valid);
            Response::new(if is_good { 200 } else { 401 }, "")
        }
        "/token" => tokens(auth, habits, request),
        _ => Response::new(404, ""),
    }
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "device_authorization_endpoint": format!("{issuer}/device"),
        "revocation_endpoint": format!("{issuer}/revoke"),
    })
}

fn tokens(auth: &AuthServer, habits: &Habits, request: &Request) -> Response {
    let basic = request.header("authorization").map(str::to_owned);
    *habits.client.lock().unwrap() = basic.or_else(|| request.form("client_id"));
    let refused = |code: &str| Response::json(400, &json!({ "error": code }));
    match request.form("grant_type").as_deref() {
        Some("refresh_token") => {
            if let Some((status, body)) = &*habits.refuse.lock().unwrap() {
                return Response::json(*status, body);
            }
            if habits.hangs.load(Ordering::Relaxed) {
                habits.hung.store(true, Ordering::Relaxed);
                pause(Duration::from_secs(60));
                return Response::new(503, "");
            }
            let (before, after) = *habits.slow.lock().unwrap();
            pause(before);
            let answer = auth.answer(&request.form("refresh_token").unwrap());
            let mut is_lost = false;
            if let Ok(set) = answer.result() {
                note(habits, &set);
                is_lost = auth.report().total.rotations == habits.lost.load(Ordering::Relaxed);
            }
            pause(after);
            if is_lost {
                return Response::none();
            }
            Response::new(answer.status(), answer.body()).header("content-type", "application/json")
        }
        Some("authorization_code") if request.form("code_verifier").is_some() => logged_in(auth, habits),
        Some("urn:ietf:params:oauth:grant-type:device_code") => match habits.says_no.load(Ordering::Relaxed) {
            true => refused("access_denied"),
            false => logged_in(auth, habits),
        },
        _ => refused("unsupported_grant_type"),
    }
}

fn logged_in(auth: &AuthServer, habits: &Habits) -> Response {
    let set = auth.login_as("alice");
    note(habits, &set);
    let lives = habits.login_lives.lock().unwrap().unwrap_or(300);
    let mut answer = json!({
        "access_token": set.access().expose(), "token_type": "Bearer", "expires_in": lives, "scope": "read write",
    });
    if !habits.no_refresh_token.load(Ordering::Relaxed) {
        answer["refresh_token"] = set.refresh().unwrap().expose().into();
    }
    Response::json(200, &answer)
}

fn note(habits: &Habits, set: &TokenSet) {
    let mut issued = habits.issued.lock().unwrap();
    issued.push(set.access().expose().to_owned());
    issued.extend(set.refresh().map(|refresh| refresh.expose().to_owned()));
}
