//! A browser.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
};

/// As much of a browser as a login on loopback needs: redirects, cookies, and pages with one form
/// that is sent as it is.
#[derive(Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Opens an address, follows where it leads, and tells the last page.
    pub(crate) fn open(&mut self, url: &str) -> String {
        let (mut url, mut form) = (url.to_owned(), None);
        for _ in 0..20 {
            let (status, location, page) = self.ask(&url, form.take());
            if let Some(next) = location {
                url = absolute(&url, &next);
                continue;
            }
            assert_eq!(status, 200, "{url}: {page}");
            match read_form(&page) {
                Some((action, fields)) => (url, form) = (absolute(&url, &action), Some(fields)),
                None => return page,
            }
        }
        panic!("this leads nowhere: {url}")
    }

    fn ask(&mut self, url: &str, form: Option<String>) -> (u16, Option<String>, String) {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (method, form) = form.map_or(("GET", String::new()), |form| ("POST", form));
        let (status, headers, page) = ask(method, url, &cookies.join("; "), &form);
        let mut location = None;
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("location") {
                location = Some(value);
            } else if name.eq_ignore_ascii_case("set-cookie") {
                self.keep(&value);
            }
        }
        (status, location, page)
    }

    fn keep(&mut self, cookie: &str) {
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        match value {
            "" => self.cookies.remove(name),
            value => self.cookies.insert(name.to_owned(), value.to_owned()),
        };
    }
}

/// Status, headers and body, by HTTP/1.0, which has neither chunks nor a second request.
pub(crate) fn ask(method: &str, url: &str, cookies: &str, form: &str) -> (u16, Vec<(String, String)>, String) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    write!(
        socket,
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nCookie: {cookies}\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len(),
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), headers, page.to_owned())
}

fn absolute(from: &str, to: &str) -> String {
    if to.starts_with("http://") {
        return to.to_owned();
    }
    let host = from.strip_prefix("http://").unwrap().split('/').next().unwrap();
    format!("http://{host}{to}")
}

/// Where a page's form goes, and what it holds.
fn read_form(page: &str) -> Option<(String, String)> {
    let form = page.split_once("<form ")?.1.split_once("</form>")?.0;
    let mut fields = form_urlencoded::Serializer::new(String::new());
    for input in form.split("<input ").skip(1) {
        fields.append_pair(attribute(input, "name")?, attribute(input, "value")?);
    }
    Some((attribute(form, "action")?.to_owned(), fields.finish()))
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    Some(text.split_once(&format!("{name}=\""))?.1.split_once('"')?.0)
}
