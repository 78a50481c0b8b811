use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// A server that answers as the test says, and remembers what it was asked.
pub(crate) struct Script {
    url: String,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Script {
    /// `answer` gets the path and the form, and gives status and JSON, in which `HERE` becomes the server's address. Its
    /// requests come one after the other.
    pub(crate) fn start(mut answer: impl FnMut(&str, &str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let (here, notes) = (url.clone(), Arc::clone(&seen));
        #[allow(clippy::disallowed_methods)] // It ends with the process of the tests.
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                // Whoever goes away in the middle of a request has not asked.
                let Some((mut socket, path, form)) = socket.ok().and_then(read) else { continue };
                notes.lock().unwrap().push((path.clone(), form.clone()));
                let (status, body) = answer(&path, &form);
                let body = body.replace("HERE", &here);
                let _ = write!(
                    socket,
                    "HTTP/1.1 {status} \r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len(),
                );
            }
        });
        Self { url, seen }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The forms that came to this path.
    pub(crate) fn asked(&self, path: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(to, _)| to == path).map(|(_, form)| form.clone()).collect()
    }

    /// How often it was asked anything.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn read(socket: TcpStream) -> Option<(TcpStream, String, String)> {
    let mut lines = BufReader::new(socket);
    let (mut first, mut length) = (String::new(), 0);
    lines.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut form = vec![0; length];
    lines.read_exact(&mut form).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    Some((lines.into_inner(), path, String::from_utf8(form).ok()?))
}
