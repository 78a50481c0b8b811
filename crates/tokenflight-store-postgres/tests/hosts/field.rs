//! The field on which hosts are killed: database, authorization server, and what is done to all of them.

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader},
    process::{Child, Command},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use tokenflight::{Session, Time, time::TokioTime};
use tokenflight_core::store::{CellStore, Store};
use tokenflight_store_postgres::{Connections, PostgresCell};
use tokenflight_test::{
    AuthServer,
    auth::{Death, Grace},
    postgres::{Postgres, Stop},
};
use tokio::runtime::Runtime;

use crate::{
    book::{Book, Found},
    host::{MARK, Orders, Say, ask_for_all, key, session},
    support::{APP, server},
};

/// A host is killed so often.
const KILL: Duration = Duration::from_millis(250);
/// A connection of a host is ended so often.
const TERMINATE: Duration = Duration::from_millis(333);
/// After the last fault every grant has so long to be good.
const SETTLE: Duration = Duration::from_secs(60);

/// How large it is, and how long it lasts.
pub(crate) struct Field {
    hosts: usize,
    grants: usize,
    seconds: u64,
    /// The server crashes so often, in seconds.
    crash: u64,
    grace: Option<Duration>,
    /// Half-way the server is lost for good, and its standby takes over: `async` or `sync`.
    failover: Option<String>,
    /// A host is stopped each second, for up to so many; none if it is zero.
    pause: u64,
}

/// What a host said, or that it has nothing more to say.
type Line = (usize, Option<String>);

impl Field {
    /// As the variables have it, or small and short.
    pub(crate) fn from_env(grace: Option<Duration>) -> Self {
        let number = |name: &str, usual| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
        Self {
            hosts: number("TOKENFLIGHT_HOSTS", 4) as usize,
            grants: number("TOKENFLIGHT_HOST_GRANTS", 16) as usize,
            seconds: number("TOKENFLIGHT_HOST_SECONDS", 15),
            crash: number("TOKENFLIGHT_HOST_CRASH_SECONDS", 6),
            grace,
            pause: number("TOKENFLIGHT_HOST_PAUSE_SECONDS", 0),
            failover: env::var("TOKENFLIGHT_HOST_FAILOVER").ok().filter(|kind| !kind.is_empty()),
        }
    }

    /// Runs it, if there is a server.
    pub(crate) fn run(self) -> Option<Found> {
        let database = server(&[("max_connections", "150")])?;
        let runtime = Runtime::new().unwrap();
        let auth = AuthServer::builder(Arc::new(TokioTime::new()))
            .access_lifetime(Duration::from_secs(2))
            .latency(Duration::from_millis(5)..=Duration::from_millis(60))
            .grace(self.grace.map_or(Grace::None, Grace::SamePair))
            .build();
        let served = runtime.block_on(async { auth.serve() }).unwrap();
        let standby = self.failover.as_ref().map(|_| database.standby("second"));
        if self.failover.as_deref() == Some("sync") {
            database.set("synchronous_standby_names", "second");
        }
        let orders = Orders {
            database: match &standby {
                None => database.address(APP),
                Some(standby) => {
                    let ports = format!("port={},{}", database.port(), standby.port());
                    format!("host=127.0.0.1,127.0.0.1 {ports} user={APP} dbname=postgres")
                }
            },
            authorization: served.addr(),
            grants: self.grants,
            grace: self.grace,
        };
        let (tell, told) = channel();
        let cell = runtime.block_on(open(&orders.database));
        // One host that is never killed: to take over, a process must have watched for fifteen seconds.
        let say: Say = {
            let tell = tell.clone();
            Arc::new(move |line| drop(tell.send((0, Some(line)))))
        };
        let sessions: Vec<Session> = (0..self.grants).map(|grant| session(&orders, &cell, grant, &quiet())).collect();
        let asking = {
            let (orders, cell) = (orders.clone(), cell.clone());
            runtime.spawn(async move { ask_for_all(&orders, &cell, &say).await })
        };
        let mut run = Run {
            field: &self,
            runtime: &runtime,
            database,
            standby,
            auth: &auth,
            sessions,
            orders,
            time: TokioTime::new(),
            tell,
            told,
            hosts: HashMap::new(),
            stopped: Vec::new(),
            started: 0,
            book: Book::default(),
            store: CellStore::new(cell),
            first: vec![0; self.grants],
        };
        for grant in 0..self.grants {
            run.log_in(grant);
        }
        let (kills, terminations, restarts) = run.faults();
        run.settle();
        asking.abort();
        let pauses = if self.pause > 0 { format!(", stopped for up to {} s", self.pause) } else { String::new() };
        let failover =
            self.failover.as_ref().map(|kind| format!(", failover to a standby ({kind})")).unwrap_or_default();
        let what = match self.grace {
            Some(grace) => {
                format!("{} hosts, {} grants, grace {} s{failover}{pauses}", self.hosts, self.grants, grace.as_secs())
            }
            None => format!("{} hosts, {} grants, no grace{failover}{pauses}", self.hosts, self.grants),
        };
        let (losses, figures) = (run.book.losses, run.book.figures());
        let published = self.failover.is_some() || self.pause > 0;
        Some(Found { what, published, report: auth.report(), kills, terminations, restarts, losses, figures })
    }
}

async fn open(address: &str) -> PostgresCell {
    PostgresCell::open(Connections::new(address).unwrap()).await.unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "a host is not stopped");
}

fn quiet() -> Say {
    Arc::new(drop)
}

struct Run<'a> {
    field: &'a Field,
    runtime: &'a Runtime,
    database: Postgres,
    standby: Option<Postgres>,
    auth: &'a AuthServer,
    /// One for each grant, for logins.
    sessions: Vec<Session>,
    orders: Orders,
    time: TokioTime,
    tell: Sender<Line>,
    told: Receiver<Line>,
    hosts: HashMap<usize, Child>,
    /// Hosts that are stopped, and until when.
    stopped: Vec<(usize, Duration)>,
    started: usize,
    book: Book,
    store: CellStore<PostgresCell>,
    /// How many token sets there had been at the last login of each grant.
    first: Vec<u64>,
}

impl Run<'_> {
    fn now(&self) -> Duration {
        self.time.now().boot
    }

    fn start(&mut self) {
        self.started += 1;
        let (number, mut child) = (self.started, self.orders.start());
        let (out, tell) = (BufReader::new(child.stdout.take().unwrap()), self.tell.clone());
        #[allow(clippy::disallowed_methods)] // It reads a pipe for as long as there is one.
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some((_, said)) = line.split_once(MARK) {
                    let _ = tell.send((number, Some(said.to_owned())));
                }
            }
            let _ = tell.send((number, None));
        });
        self.hosts.insert(number, child);
    }

    /// Kills, terminations, crashes: how many there were.
    fn faults(&mut self) -> (usize, usize, usize) {
        for _ in 0..self.field.hosts {
            self.start();
        }
        let begin = self.now();
        let end = begin + Duration::from_secs(self.field.seconds);
        let (mut kill, mut terminate, mut crash) = (begin + KILL * 4, begin + TERMINATE, self.after_a_while(begin));
        let (mut kills, mut terminations, mut restarts, mut pause) = (0, 0, 0, begin);
        while self.now() < end {
            self.listen(Duration::from_millis(10));
            let now = self.now();
            if now >= kill {
                kill = now + KILL;
                kills += 1;
                self.kill_one();
                self.start();
            }
            if now >= terminate {
                terminate = now + TERMINATE;
                let one = "pid IN (SELECT pid FROM pg_stat_activity WHERE usename = 'app' ORDER BY random() LIMIT 1)";
                terminations += self.database.terminate(one);
            }
            if now >= begin + (end - begin) / 2
                && let Some(standby) = self.standby.take()
            {
                self.fail_over(standby);
                crash = self.after_a_while(now);
            }
            if now >= crash {
                crash = self.after_a_while(now);
                restarts += 1;
                self.database.stop(Stop::Immediate);
                self.database.start_again();
            }
            if self.field.pause > 0 && now >= pause {
                pause = now + Duration::from_secs(1);
                self.stop_one(now);
            }
            self.resume(now);
            self.bury();
        }
        self.resume(Duration::MAX);
        (kills, terminations, restarts)
    }

    fn after_a_while(&self, now: Duration) -> Duration {
        now + Duration::from_secs(self.field.crash)
    }

    fn kill_one(&mut self) {
        let numbers: Vec<usize> = self.hosts.keys().copied().collect();
        let victim = numbers[self.time.random() as usize % numbers.len()];
        let mut child = self.hosts.remove(&victim).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let killed = self.now();
        // What it had said is read to its end.
        while let Ok((host, line)) = self.told.recv() {
            match line {
                Some(line) => self.book.said(host, &line, self.time.now().boot),
                None if host == victim => break,
                None => {}
            }
        }
        self.book.killed(victim, killed);
    }

    /// Stops a host for a while, between a tenth of a second and the longest.
    fn stop_one(&mut self, now: Duration) {
        let numbers: Vec<usize> = self.hosts.keys().copied().collect();
        let victim = numbers[self.time.random() as usize % numbers.len()];
        let millis = 100 + self.time.random() % (self.field.pause * 1000);
        signal(&self.hosts[&victim], "STOP");
        self.stopped.push((victim, now + Duration::from_millis(millis)));
    }

    fn resume(&mut self, now: Duration) {
        let hosts = &self.hosts;
        self.stopped.retain(|(host, until)| {
            let over = *until <= now;
            if let (true, Some(child)) = (over, hosts.get(host)) {
                signal(child, "CONT");
            }
            !over
        });
    }

    fn listen(&mut self, patience: Duration) {
        let mut patience = patience;
        while let Ok((host, line)) = self.told.recv_timeout(patience) {
            patience = Duration::ZERO;
            if let Some(line) = line {
                self.book.said(host, &line, self.time.now().boot);
            }
        }
    }

    /// A session that the server has ended is counted, and a person logs in anew.
    fn bury(&mut self) {
        let report = self.auth.report();
        for grant in 0..self.field.grants {
            let family = report.family(&grant.to_string()).unwrap();
            if family.killed.is_some_and(|killed| killed.why == Death::Reuse) {
                self.book.lost(grant);
                self.log_in(grant);
            }
        }
    }

    fn log_in(&mut self, grant: usize) {
        let tokens = self.auth.login_as(&grant.to_string());
        // Its connection may be ended meanwhile.
        let login = || self.runtime.block_on(self.sessions[grant].login(tokens.clone()));
        assert!((0..10).any(|_| login().is_ok()), "a login is not stored");
        self.first[grant] = self.stored(grant);
    }

    /// How many token sets of this grant the storage knows of.
    fn stored(&self, grant: usize) -> u64 {
        let load = || self.runtime.block_on(self.store.load(&key(grant))).ok();
        let seen = (0..1000).find_map(|_| load()).expect("the storage does not answer");
        seen.entry.map_or(0, |entry| entry.rotation)
    }

    /// The server is lost, and its standby takes over: what the authorization server has rotated and the standby does not
    /// know of was lost, or is in the hands of a host.
    fn fail_over(&mut self, standby: Postgres) {
        self.database.stop(Stop::Immediate);
        let report = self.auth.report();
        standby.promote();
        self.database = standby;
        for grant in 0..self.field.grants {
            let rotations = report.family(&grant.to_string()).unwrap().counts.rotations;
            if self.stored(grant).saturating_sub(self.first[grant]) < rotations {
                self.book.behind(grant);
            }
        }
    }

    /// Without faults every grant is good again.
    fn settle(&mut self) {
        let until = self.now() + SETTLE;
        let refresh = |run: &Self, grant: usize| {
            let session = run.sessions[grant].clone();
            run.runtime.spawn(async move {
                let refreshed = session.refresh().await;
                if refreshed.is_err() {
                    // It may have been logged in anew.
                    let _ = session.reload().await;
                }
                refreshed.map(drop)
            })
        };
        // All at once: a claim is taken over by who watches it all the time.
        let mut bad: Vec<_> = (0..self.field.grants).map(|grant| (grant, refresh(self, grant))).collect();
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
        for (_, mut child) in self.hosts.drain() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
