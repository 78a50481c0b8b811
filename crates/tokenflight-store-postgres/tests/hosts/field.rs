//! The field on which hosts are killed: database, authorization server, and what is done to all of them.

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader},
    process::Child,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use tokenflight::{Session, Time, time::TokioTime};
use tokenflight_test::{
    AuthServer,
    auth::{Death, Grace},
    postgres::{Postgres, Stop},
};
use tokio::runtime::Runtime;

use crate::{
    book::{Book, Found},
    host::{MARK, Orders, Say, ask_for_all, session},
    support::{APP, cell, server},
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
        let orders = Orders {
            database: database.address(APP),
            authorization: served.addr(),
            grants: self.grants,
            grace: self.grace,
        };
        let (tell, told) = channel();
        let cell = runtime.block_on(cell(&database));
        // One host that is never killed: to take over, a process must have watched for fifteen seconds.
        let say: Say = {
            let tell = tell.clone();
            Arc::new(move |line| drop(tell.send((0, Some(line)))))
        };
        let sessions: Vec<Session> = (0..self.grants).map(|grant| session(&orders, &cell, grant, &quiet())).collect();
        for (grant, session) in sessions.iter().enumerate() {
            runtime.block_on(session.login(auth.login_as(&grant.to_string()))).unwrap();
        }
        let asking = {
            let (orders, cell) = (orders.clone(), cell.clone());
            runtime.spawn(async move { ask_for_all(&orders, &cell, &say).await })
        };
        let mut run = Run {
            field: &self,
            runtime: &runtime,
            database: &database,
            auth: &auth,
            sessions,
            orders,
            time: TokioTime::new(),
            tell,
            told,
            hosts: HashMap::new(),
            started: 0,
            book: Book::default(),
            lost: 0,
            unexplained: 0,
        };
        let (kills, terminations, restarts) = run.faults();
        run.settle();
        asking.abort();
        let what = match self.grace {
            Some(grace) => format!("{} hosts, {} grants, grace {} s", self.hosts, self.grants, grace.as_secs()),
            None => format!("{} hosts, {} grants, no grace", self.hosts, self.grants),
        };
        let (lost, unexplained, figures) = (run.lost, run.unexplained, run.book.figures());
        Some(Found { what, report: auth.report(), kills, terminations, restarts, lost, unexplained, figures })
    }
}

fn quiet() -> Say {
    Arc::new(drop)
}

struct Run<'a> {
    field: &'a Field,
    runtime: &'a Runtime,
    database: &'a Postgres,
    auth: &'a AuthServer,
    /// One for each grant, for logins.
    sessions: Vec<Session>,
    orders: Orders,
    time: TokioTime,
    tell: Sender<Line>,
    told: Receiver<Line>,
    hosts: HashMap<usize, Child>,
    started: usize,
    book: Book,
    lost: usize,
    unexplained: usize,
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
        let (mut kills, mut terminations, mut restarts) = (0, 0, 0);
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
            if now >= crash {
                crash = self.after_a_while(now);
                restarts += 1;
                self.database.stop(Stop::Immediate);
                self.database.start_again();
            }
            self.bury();
        }
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
        for (grant, session) in self.sessions.iter().enumerate() {
            let family = report.family(&grant.to_string()).unwrap();
            if family.killed.is_some_and(|killed| killed.why == Death::Reuse) {
                self.lost += 1;
                self.unexplained += usize::from(!self.book.lost(grant));
                let tokens = self.auth.login_as(&grant.to_string());
                // Its connection may be ended meanwhile.
                let stored = (0..10).any(|_| self.runtime.block_on(session.login(tokens.clone())).is_ok());
                assert!(stored, "a login is not stored");
            }
        }
    }

    /// Without faults every grant is good again.
    fn settle(&mut self) {
        let until = self.now() + SETTLE;
        let mut bad: Vec<usize> = (0..self.field.grants).collect();
        let mut why = String::new();
        while !bad.is_empty() {
            assert!(self.now() < until, "grants {bad:?} do not become good again: {why}\n{}", self.auth.report());
            self.listen(Duration::from_millis(50));
            self.bury();
            bad.retain(|grant| {
                let got = self.runtime.block_on(async {
                    let (session, time) = (&self.sessions[*grant], &self.time);
                    tokio::select! {
                        got = session.refresh() => got.map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error))),
                        () = time.sleep(Duration::from_millis(300)) => Err("it takes long".to_owned()),
                    }
                });
                match got {
                    Ok(_) => false,
                    Err(error) => {
                        why = error;
                        let _ = self.runtime.block_on(self.sessions[*grant].reload());
                        true
                    }
                }
            });
        }
        for (_, mut child) in self.hosts.drain() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
