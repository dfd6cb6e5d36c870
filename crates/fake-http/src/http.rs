//! Requests read from a stream, and responses as values.

use std::io;
use std::io::Read;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

const MOST_HEADERS: usize = 100;
const MOST_HEAD_BYTES: usize = 256 * 1024;

/// One request as received.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET` and so on.
    pub method: String,
    /// Path and query, undecoded.
    pub target: String,
    /// Names as sent, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// Whether the client keeps the connection.
    pub keep_alive: bool,
}

impl Call {
    /// The value of a header; its name is case-insensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The path without its query, undecoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The decoded value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
        Some(decoded(&value.replace('+', " ")))
    }

    /// Whether the response has no body.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// Percent-decodes a string; bytes that are not UTF-8 become replacement characters, because they match nothing.
#[must_use]
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A response before it is encoded; the framing is decided on delivery.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// All headers but those of the framing.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// A response without headers and body.
    #[must_use]
    pub fn new(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A JSON document.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Reply {
        Reply::new(status).with("Content-Type", "application/json; charset=utf-8").body(value.to_string())
    }

    /// A web page.
    #[must_use]
    pub fn html(status: u16, text: &str) -> Reply {
        let page = format!("<!DOCTYPE html>\n<html><head><title>{text}</title></head><body>{text}</body></html>\n");
        Reply::new(status).with("Content-Type", "text/html; charset=utf-8").body(page)
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Reply {
        Reply::new(status).with("Location", location).with("Content-Type", "text/html; charset=utf-8")
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Reply {
        self.body = body.into();
        self
    }

    /// The value of a header; its name is case-insensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Replaces any header of the same name.
    pub fn replace(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Removes a header.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }
}

/// The reason phrase of a status.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        409 => "Conflict",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

/// Reads requests one after another; surplus bytes are kept for the next.
#[derive(Debug, Default)]
pub struct Reader {
    pending: Vec<u8>,
}

impl Reader {
    /// The next request, or `None` if the client closed between two requests.
    ///
    /// # Errors
    /// The stream's own errors, and `InvalidData` for bytes that are not HTTP/1.
    pub fn next(&mut self, stream: &mut dyn Read) -> io::Result<Option<Call>> {
        loop {
            if let Some((mut call, head_length)) = parsed_head(&self.pending)? {
                self.pending.drain(..head_length);
                call.body = self.body_of(&call, stream)?;
                return Ok(Some(call));
            }
            if self.pending.len() > MOST_HEAD_BYTES {
                return Err(invalid("a request head without an end"));
            }
            if !self.more(stream)? {
                return if self.pending.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    fn body_of(&mut self, call: &Call, stream: &mut dyn Read) -> io::Result<Bytes> {
        if call.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return self.chunked_body(stream);
        }
        let length = match call.header("Content-Length") {
            Some(value) => value.trim().parse().map_err(|_| invalid("a Content-Length that is no number"))?,
            None => 0,
        };
        self.take(length, stream).map(Bytes::from)
    }

    fn chunked_body(&mut self, stream: &mut dyn Read) -> io::Result<Bytes> {
        let mut body = Vec::new();
        loop {
            let (size_line, size) = loop {
                match httparse::parse_chunk_size(&self.pending).map_err(|_| invalid("a broken chunk size"))? {
                    httparse::Status::Complete((line, size)) => break (line, size),
                    httparse::Status::Partial => self.must_have_more(stream)?,
                }
            };
            self.pending.drain(..size_line);
            let size = usize::try_from(size).map_err(|_| invalid("a chunk larger than memory"))?;
            body.extend(self.take(size, stream)?);
            self.take(2, stream)?;
            if size == 0 {
                return Ok(body.into());
            }
        }
    }

    fn take(&mut self, length: usize, stream: &mut dyn Read) -> io::Result<Vec<u8>> {
        while self.pending.len() < length {
            self.must_have_more(stream)?;
        }
        Ok(self.pending.drain(..length).collect())
    }

    fn must_have_more(&mut self, stream: &mut dyn Read) -> io::Result<()> {
        if self.more(stream)? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn more(&mut self, stream: &mut dyn Read) -> io::Result<bool> {
        let mut block = [0; 8192];
        let count = stream.read(&mut block)?;
        self.pending.extend_from_slice(&block[..count]);
        Ok(count > 0)
    }
}

fn parsed_head(bytes: &[u8]) -> io::Result<Option<(Call, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes).map_err(|error| invalid(&error.to_string()))? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let mut call = Call {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        headers,
        body: Bytes::new(),
        keep_alive: request.version == Some(1),
    };
    if let Some(connection) = call.header("Connection").map(str::to_ascii_lowercase) {
        call.keep_alive = if call.keep_alive { connection != "close" } else { connection == "keep-alive" };
    }
    Ok(Some((call, length)))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_one_after_another_whatever_their_framing() {
        let wire =
            b"POST /a?x=1%202&y=b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n\
            POST /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nwxyzGET /c HTTP/1.0\r\n\r\n";
        let mut stream = &wire[..];
        let mut reader = Reader::default();
        let first = reader.next(&mut stream).expect("the first request is whole").expect("there is one");
        assert_eq!((first.path(), &first.body[..], first.keep_alive), ("/a", &b"abcde"[..], true));
        assert_eq!((first.query("x").as_deref(), first.query("y").as_deref()), (Some("1 2"), Some("b")));
        let second = reader.next(&mut stream).expect("the second request is whole").expect("there is one");
        assert_eq!(&second.body[..], b"wxyz");
        let third = reader.next(&mut stream).expect("the third request is whole").expect("there is one");
        assert!(!third.keep_alive);
        assert!(reader.next(&mut stream).expect("a clean end").is_none());
    }

    #[test]
    fn a_request_cut_in_the_middle_is_an_error() {
        let mut stream = &b"GET / HT"[..];
        let error = Reader::default().next(&mut stream).expect_err("half a head is no request");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
