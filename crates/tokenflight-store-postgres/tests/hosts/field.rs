//! The field: database, authorization server, hosts and their logins.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use tokenflight_core::store::{CellStore, EntryState};
use tokenflight_test::{AuthServer, auth::Grace};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{
    draws::Draws,
    found::{Counts, Found},
    host::{MARK, Orders, ask_for_all, key, session},
    losses::{Orphan, losses},
    prelude::*,
    support::{APP, pgbouncer::Pgbouncer, server},
    told::held,
};

/// After the last fault every grant has so long to be good.
const SETTLE: Duration = Duration::from_secs(60);

/// What a host said, or that it has nothing more to say.
type Said = (usize, Option<Line>);

/// Runs it, if there is a server.
pub(crate) fn run(settings: Settings) -> Option<Found> {
    let database = server(&[("max_connections", "150")])?;
    let runtime = Runtime::new().unwrap();
    let reuses = Arc::<Mutex<Vec<Reused>>>::default();
    let told = Arc::clone(&reuses);
    let auth = AuthServer::builder(Arc::new(TokioTime::new()))
        .on_reuse(move |reused| told.lock().unwrap_or_else(PoisonError::into_inner).push(reused.clone()))
        .access_lifetime(Duration::from_secs(2))
        .latency(Duration::from_millis(5)..=Duration::from_millis(60))
        .grace(settings.grace.map_or(Grace::None, Grace::SamePair))
        .seed(settings.seed)
        .build();
    let served = runtime.block_on(async { auth.serve() }).unwrap();
    let standby = settings.failover.as_ref().map(|_| database.standby("second"));
    if settings.failover.as_deref() == Some("sync") {
        database.set("synchronous_standby_names", "second");
    }
    assert!(!settings.pgbouncer || standby.is_none(), "a pgbouncer leads to one server");
    let pgbouncer = if settings.pgbouncer { Some(Pgbouncer::before(&database)?) } else { None };
    let address = match (&pgbouncer, &standby) {
        (Some(pgbouncer), _) => pgbouncer.address(APP),
        (None, None) => database.address(APP),
        (None, Some(standby)) => {
            let ports = format!("port={},{}", database.port(), standby.port());
            format!("host=127.0.0.1,127.0.0.1 {ports} user={APP} dbname=postgres")
        }
    };
    let (grants, grace) = (settings.grants, settings.grace);
    let orders = Orders { database: address, authorization: served.addr(), grants, grace };
    let (tell, told) = channel();
    let mut field = Field {
        draws: Draws::new(settings.seed),
        settings: &settings,
        runtime: &runtime,
        database,
        standby,
        auth: &auth,
        sessions: Vec::new(),
        asking: None,
        store: CellStore::new(runtime.block_on(open(&orders.database))),
        orders,
        time: TokioTime::new(),
        tell,
        told,
        hosts: BTreeMap::new(),
        stopped: Vec::new(),
        started: 0,
        speaking: 0,
        counts: Counts::default(),
        history: History::default(),
        orphans: Vec::new(),
        refused: vec![0; grants],
        reuses,
        newest: vec![0; grants],
    };
    field.begin();
    (0..grants).for_each(|grant| field.log_in(grant));
    field.faults();
    field.settle();
    field.dismiss();
    let (report, counts) = (auth.report(), std::mem::take(&mut field.counts));
    let (history, orphans) = (std::mem::take(&mut field.history), std::mem::take(&mut field.orphans));
    let reuses = field.reuses();
    drop((field, pgbouncer));
    let losses = losses(&reuses, &history, &orphans);
    Some(Found { settings, report, counts, losses, history })
}

async fn open(address: &str) -> PostgresCell {
    PostgresCell::open(Connections::new(address).unwrap()).await.unwrap()
}

pub(crate) struct Field<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) draws: Draws,
    runtime: &'a Runtime,
    pub(crate) database: Postgres,
    pub(crate) standby: Option<Postgres>,
    auth: &'a AuthServer,
    /// One for each grant, for logins.
    sessions: Vec<Session>,
    /// The host that is not killed, and its number.
    asking: Option<(usize, JoinHandle<()>)>,
    orders: Orders,
    time: TokioTime,
    tell: Sender<Said>,
    told: Receiver<Said>,
    pub(crate) hosts: BTreeMap<usize, Child>,
    /// Hosts that are stopped, since when and until when.
    pub(crate) stopped: Vec<(usize, Span)>,
    started: usize,
    /// Processes that have something to say.
    speaking: usize,
    pub(crate) counts: Counts,
    pub(crate) history: History,
    orphans: Vec<Orphan>,
    store: CellStore<PostgresCell>,
    /// How often tokens of earlier logins had been refused when it was last looked at, by grant.
    refused: Vec<u64>,
    /// Every refresh token that came back.
    reuses: Arc<Mutex<Vec<Reused>>>,
    /// The newest login of each grant, as the authorization server counts them.
    newest: Vec<usize>,
}

impl Field<'_> {
    pub(crate) fn now(&self) -> Duration {
        self.time.now().boot
    }

    fn say(&mut self) -> (usize, Say) {
        self.started += 1;
        let (host, tell) = (self.started, self.tell.clone());
        let say = move |line| {
            let _ = tell.send((host, Some(line)));
        };
        (host, Arc::new(say))
    }

    /// Logins, and one host that is not killed with the others: to take over, a process must have
    /// watched for fifteen seconds.
    pub(crate) fn begin(&mut self) {
        let (orders, cell) = (self.orders.clone(), self.runtime.block_on(open(&self.orders.database)));
        let (_, say) = self.say();
        self.sessions = (0..orders.grants).map(|grant| session(&orders, &cell, grant, &say)).collect();
        let (number, say) = self.say();
        let asking = self.runtime.spawn(async move { ask_for_all(&orders, &cell, &say).await });
        self.asking = Some((number, asking));
    }

    /// Every host is killed. Nothing is left of what they knew.
    pub(crate) fn end(&mut self) {
        let now = self.now();
        if let Some((number, asking)) = self.asking.take() {
            asking.abort();
            self.history.killed.insert(number, now);
        }
        for (number, mut child) in std::mem::take(&mut self.hosts) {
            child.kill().unwrap();
            child.wait().unwrap();
            self.history.killed.insert(number, self.now());
        }
        let stops = std::mem::take(&mut self.stopped).into_iter();
        self.history.stops.extend(stops.map(|(host, span)| (host, Span { until: now, ..span })));
    }

    pub(crate) fn start(&mut self) {
        self.started += 1;
        self.speaking += 1;
        let (number, mut child) = (self.started, self.orders.start());
        let (out, tell) = (BufReader::new(child.stdout.take().unwrap()), self.tell.clone());
        #[allow(clippy::disallowed_methods)] // It reads a pipe for as long as there is one.
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // A line that was cut off by a kill says nothing.
                if let Some(Ok(line)) = line.split_once(MARK).map(|(_, said)| said.parse()) {
                    let _ = tell.send((number, Some(line)));
                }
            }
            let _ = tell.send((number, None));
        });
        self.hosts.insert(number, child);
    }

    pub(crate) fn listen(&mut self, patience: Duration) {
        let mut patience = patience;
        while let Ok((host, line)) = self.told.recv_timeout(patience) {
            patience = Duration::ZERO;
            match line {
                Some(line) => self.history.said(host, line),
                None => self.speaking -= 1,
            }
        }
    }

    /// A session that the server has ended is over, and so is one that an older login has taken the
    /// place of: a person logs in anew.
    pub(crate) fn bury(&mut self) {
        let (report, reuses) = (self.auth.report(), self.reuses());
        for grant in 0..self.settings.grants {
            let login = self.newest[grant];
            if reuses.iter().any(|reused| reused.login == login && reused.ended) {
                self.log_in(grant);
                continue;
            }
            // Nothing of a session that lives was refused.
            let refused = report.counts(&grant.to_string()).refused;
            if refused > std::mem::replace(&mut self.refused[grant], refused) && self.is_older(grant, login) {
                self.orphans.push(Orphan { grant, login });
                self.log_in(grant);
            }
        }
    }

    fn reuses(&self) -> Vec<Reused> {
        self.reuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log_in(&mut self, grant: usize) {
        let tokens = self.auth.login_as(&grant.to_string());
        let step = tokens.refresh().and_then(|token| Step::of(token.expose()));
        self.newest[grant] = step.expect("the server's tokens name the login").login;
        // Its connection may be ended meanwhile.
        let login = || self.runtime.block_on(self.sessions[grant].login(tokens.clone()));
        assert!((0..10).any(|_| login().is_ok()), "a login is not stored");
    }

    /// Whether the storage has an earlier login of this grant, and it is over.
    fn is_older(&self, grant: usize, login: usize) -> bool {
        let load = || self.runtime.block_on(self.store.load(&key(grant))).ok();
        let Some(Some(entry)) = (0..1000).find_map(|_| load()).map(|seen| seen.entry) else { return false };
        matches!(entry.state, EntryState::Ended { .. }) && held(&entry).is_some_and(|held| held.login < login)
    }

    /// What the storage has of each grant.
    pub(crate) fn held(&self) -> Vec<Option<Step>> {
        let load = |grant| self.runtime.block_on(self.store.load(&key(grant))).ok();
        let seen = |grant| (0..1000).find_map(|_| load(grant)).expect("the storage does not answer");
        (0..self.settings.grants).map(|grant| held(&seen(grant).entry?)).collect()
    }

    /// Without faults every grant is good again.
    fn settle(&mut self) {
        let until = self.now() + SETTLE;
        let refresh = |field: &Self, grant: usize| {
            let session = field.sessions[grant].clone();
            field.runtime.spawn(async move {
                let refreshed = session.refresh().await;
                if refreshed.is_err() {
                    // It may have been logged in anew.
                    let _ = session.reload().await;
                }
                refreshed.map(drop)
            })
        };
        // All at once: a claim is taken over by who watches it all the time.
        let mut bad: Vec<_> = (0..self.settings.grants).map(|grant| (grant, refresh(self, grant))).collect();
        let mut why = String::new();
        while !bad.is_empty() {
            let left: Vec<usize> = bad.iter().map(|(grant, _)| *grant).collect();
            assert!(self.now() < until, "grants {left:?} do not become good again: {why}\n{}", self.auth.report());
            self.listen(Duration::from_millis(50));
            self.bury();
            for (grant, task) in std::mem::take(&mut bad) {
                if !task.is_finished() {
                    bad.push((grant, task));
                } else if let Err(error) = self.runtime.block_on(task).unwrap() {
                    why = format!("{error}: {:?}", std::error::Error::source(&error));
                    bad.push((grant, refresh(self, grant)));
                }
            }
        }
    }

    /// Hosts end, and what they said is read to its end.
    fn dismiss(&mut self) {
        self.asking.take().inspect(|(_, asking)| asking.abort());
        for (_, mut child) in std::mem::take(&mut self.hosts) {
            drop(child.stdin.take());
            let _ = child.wait();
        }
        while self.speaking > 0 {
            self.listen(Duration::from_millis(50));
        }
    }
}

impl Drop for Field<'_> {
    fn drop(&mut self) {
        // After a panic: one that is stopped would not notice that its input has ended.
        self.hosts.values_mut().for_each(|child| drop(child.kill()));
    }
}
