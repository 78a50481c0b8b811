//! Ctrl-C during a login, as a signal to a process of its own: in ours it would end the soaks of the other tests.

use std::{
    env, fs,
    io::{BufRead, BufReader, stderr, stdout},
    process::{Child, Command, ExitCode, Stdio, exit},
    sync::mpsc::{Receiver, Sender, channel},
};

use tokenflight_example_soak::{BROKEN, run};

use crate::{
    bed::{folder, member, parse},
    browser::Browser,
    login_ended::back,
    provider::{GRANTED, TOKENS, assert_empty, flags, provider, provider_with},
    screen::{Lines, PATIENCE},
    script::Script,
};

const FLAGS: &str = "TOKENFLIGHT_SOAK_FLAGS";

#[test]
#[ignore = "the tests below start it, in a process of its own"]
fn a_soak_of_its_own() {
    let Ok(flags) = env::var(FLAGS) else { return };
    let flags: Vec<&str> = flags.split('\n').collect();
    let code = run(parse(&flags).unwrap(), &mut stdout(), &mut stderr());
    exit(if code == ExitCode::from(BROKEN) { BROKEN.into() } else { 0 });
}

struct Process {
    child: Child,
    lines: Lines,
}

impl Process {
    fn start(flags: &[String]) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "signals::a_soak_of_its_own", "--ignored", "--nocapture"])
            .env(FLAGS, flags.join("\n"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let (line, lines) = channel();
        #[allow(clippy::disallowed_methods)] // A pipe is read by a thread; it ends with the process.
        std::thread::spawn(move || said.lines().map_while(Result::ok).try_for_each(|said| line.send(said)));
        Self { child, lines: Lines(lines) }
    }

    fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// It says so, and ends by itself.
    fn assert_ended(mut self, words: &str) {
        self.lines.with(words);
        assert_eq!(self.child.wait().unwrap().code(), Some(BROKEN.into()));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_interrupt_ends_the_waiting_for_the_user() {
    let slow = r#"{"device_code": "device-code-of-the-script-1", "user_code": "ABCD-EFGH",
        "verification_uri": "https://as.example/d", "expires_in": 600, "interval": 500}"#;
    let server = provider(slow, (200, TOKENS));
    for way in ["--login=device", "--login=code"] {
        let file = folder("login-interrupted").join("tokens.json");
        let soak = Process::start(&flags(&server, &file, &[way]));
        soak.lines.with("Ctrl-C ends it");
        soak.interrupt();
        soak.assert_ended("there is no login: interrupted");
        // Neither a lock: it can be tried again at once.
        assert_empty(&file);
    }
    assert!(server.asked("/token").is_empty());
}

/// A server that tells when it has been asked for this, and answers when it is told to.
fn hesitant() -> (impl FnMut() + Send + 'static, Receiver<()>, Sender<()>) {
    let ((tell, asked), (answer, told)) = (channel(), channel());
    let hesitate = move || {
        let _ = tell.send(());
        let _ = told.recv_timeout(PATIENCE);
    };
    (hesitate, asked, answer)
}

#[test]
fn an_interrupt_ends_the_waiting_for_a_server_that_has_no_login_to_give() {
    for (path, flag) in [("/device", "--device-endpoint"), ("/.well-known/openid-configuration", "--issuer")] {
        let (mut hesitate, asked, answer) = hesitant();
        let server = Script::start(move |_, _| {
            hesitate();
            (404, String::new())
        });
        let file = folder("login-stalled").join("tokens.json");
        let mut flags = flags(&server, &file, &["--login=device"]);
        if flag == "--issuer" {
            flags[0] = format!("--issuer={}", server.at(""));
        }
        let soak = Process::start(&flags);
        asked.recv_timeout(PATIENCE).unwrap();
        assert_eq!(server.asked(path).len(), 1);
        soak.interrupt();
        soak.assert_ended("interrupted");
        assert_empty(&file);
        answer.send(()).unwrap();
    }
}

#[test]
fn a_login_that_is_on_its_way_at_an_interrupt_is_kept() {
    for way in ["--login=device", "--login=code"] {
        let (mut hesitate, asked, answer) = hesitant();
        let server = provider_with(GRANTED, move || {
            hesitate();
            (200, TOKENS.to_owned())
        });
        let file = folder("login-on-its-way").join("tokens.json");
        let soak = Process::start(&flags(&server, &file, &[way]));
        if way == "--login=code" {
            Browser::default().open(&back(&soak.lines.with("https://"), "code=c"));
        }
        asked.recv_timeout(PATIENCE).unwrap();
        soak.interrupt();
        soak.lines.with("on its way");
        answer.send(()).unwrap();
        soak.assert_ended("interrupted; the login has not been used");
        assert_eq!(member(&file, "refresh_token"), "refresh-token-of-the-script-0");
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        assert_eq!((server.asked("/token").len(), server.asked("/me").len()), (1, 0), "it was used");
    }
}
