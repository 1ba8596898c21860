//! The part of HTTP/1.1 that wallets need: requests one after another, each with a length.

use httparse::{EMPTY_HEADER, Request, Status};

use crate::framing::StreamFramingError;

const HEADERS_MAX: usize = 32;

/// A parsed request. Its parts are slices of the stream's bytes.
pub(crate) struct HttpRequest<'b> {
    pub method: &'b str,
    pub path: &'b str,
    pub body: &'b [u8],
    /// Whether the connection stays open for another request.
    pub keep_alive: bool,
    headers: [(&'b str, &'b [u8]); HEADERS_MAX],
}

impl<'b> HttpRequest<'b> {
    /// The value of a header, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| *v)
    }
}

/// A request cannot be parsed; holds the HTTP status of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HttpRequestError(pub u16);

/// The length of the request at the start of `to_bytes`; None until all of it has arrived. Bytes
/// that cannot be a request count as whole at once, so that they get an answer.
pub(crate) fn request_length(
    bytes: &[u8],
    bytes_max: usize,
) -> Result<Option<usize>, StreamFramingError> {
    match head(bytes) {
        Ok(Some((_, _, length))) if length > bytes_max => Ok(Some(bytes.len())),
        Ok(Some((_, _, length))) => Ok((bytes.len() >= length).then_some(length)),
        Ok(None) if bytes.len() > bytes_max => Err(StreamFramingError::Oversized),
        Ok(None) => Ok(None),
        Err(_) => Ok(Some(bytes.len())),
    }
}

/// Parses a request that [`request_length`] has found.
pub(crate) fn parse(bytes: &[u8], bytes_max: usize) -> Result<HttpRequest<'_>, HttpRequestError> {
    let (parsed, begin, length) = head(bytes)?.ok_or(HttpRequestError(400))?;
    if length > bytes_max {
        return Err(HttpRequestError(413));
    }
    let body = bytes.get(begin..length).ok_or(HttpRequestError(400))?;
    Ok(HttpRequest { body, ..parsed })
}

/// The request without its body, where its body starts, and where it ends.
fn head(bytes: &[u8]) -> Result<Option<(HttpRequest<'_>, usize, usize)>, HttpRequestError> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let begin = match request.parse(bytes) {
        Ok(Status::Complete(begin)) => begin,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HttpRequestError(431)),
        Err(_) => return Err(HttpRequestError(400)),
    };
    // A proxy may take a line feed alone for a part of a line, and so read another request.
    let lines = bytes.get(..begin).unwrap_or_default().split(|byte| *byte == b'\n');
    if lines.rev().skip(1).any(|line| !line.ends_with(b"\r")) {
        return Err(HttpRequestError(400));
    }
    let (Some(method), Some(path)) = (request.method, request.path) else {
        return Err(HttpRequestError(400));
    };
    let mut parsed =
        HttpRequest { method, path, body: &[], keep_alive: true, headers: [("", &[]); _] };
    let mut length = None;
    for (header, place) in request.headers.iter().zip(&mut parsed.headers) {
        *place = (header.name, header.value);
        let is_same = |other: &&httparse::Header<'_>| other.name.eq_ignore_ascii_case(header.name);
        // Whoever reads the first of two signatures and whoever reads the last would disagree.
        if is_signed(header.name) && request.headers.iter().filter(is_same).count() > 1 {
            return Err(HttpRequestError(400));
        }
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(HttpRequestError(411));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            // Two lengths are a known way to smuggle a request.
            if length.is_some() || header.value.is_empty() || header.value.len() > 9 {
                return Err(HttpRequestError(400));
            }
            length = Some(decimal(header.value).ok_or(HttpRequestError(400))?);
        }
        if header.name.eq_ignore_ascii_case("connection") {
            parsed.keep_alive = !header.value.eq_ignore_ascii_case(b"close");
        }
    }
    parsed.keep_alive &= request.version == Some(1);
    // A proxy may drop the body of a GET, or take it for the next request.
    if method == "GET" && length.is_some_and(|length| length > 0) {
        return Err(HttpRequestError(400));
    }
    if length.is_none() && method == "POST" {
        return Err(HttpRequestError(411));
    }
    Ok(Some((parsed, begin, begin + length.unwrap_or(0))))
}

/// Whether a header is part of the signature.
fn is_signed(name: &str) -> bool {
    name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("doorstep-"))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0_usize, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0'))
    })
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub status: u16,
    pub body: String,
    media: &'static str,
}

impl HttpResponse {
    /// The whole response. `signature` is a header's name and value.
    pub(crate) fn to_bytes(&self, stays: bool, signature: Option<(&str, &str)>) -> Vec<u8> {
        let HttpResponse { status, body, media } = self;
        let connection = if stays { "keep-alive" } else { "close" };
        let signed = signature.map(|(header, text)| format!("{header}: {text}\r\n"));
        format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nConnection: {connection}\r\n{}\r\n{body}",
            reason(*status),
            body.len(),
            signed.unwrap_or_default()
        )
        .into_bytes()
    }
}

pub(crate) fn json(body: &serde_json::Value) -> HttpResponse {
    HttpResponse { status: 200, body: body.to_string(), media: "application/json" }
}

/// An RFC 9457 problem.
pub(crate) fn problem(status: u16, detail: &str) -> HttpResponse {
    let body = serde_json::json!({
        "type": "about:blank", "title": reason(status), "status": status, "detail": detail,
    });
    HttpResponse { status, body: body.to_string(), media: "application/problem+json" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &[u8] = b"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}";

    #[test]
    fn a_request_is_whole_with_its_body() {
        for length in 0..POST.len() {
            assert_eq!(request_length(&POST[..length], 999), Ok(None), "{length}");
        }
        assert_eq!(request_length(POST, 999), Ok(Some(POST.len())));
        let asked = parse(POST, 999).unwrap();
        assert_eq!((asked.method, asked.path, asked.body), ("POST", "/a", &b"{}"[..]));
        assert_eq!(asked.header("host"), Some(&b"b"[..]));
        assert!(asked.keep_alive);
    }

    #[test]
    fn requests_that_could_be_read_as_two_are_refused() {
        let refused = |text: &str| parse(text.as_bytes(), 200).err();
        let two = "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n{}";
        assert_eq!(refused(two), Some(HttpRequestError(400)));
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(refused(chunked), Some(HttpRequestError(411)));
        assert_eq!(refused("POST / HTTP/1.1\r\n\r\n"), Some(HttpRequestError(411)));
        let signed = "POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}";
        assert_eq!(refused(signed), Some(HttpRequestError(400)));
        let long = "POST / HTTP/1.1\r\nContent-Length: 999\r\n\r\n{}";
        assert_eq!(refused(long), Some(HttpRequestError(413)));
        let unlike = "GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(refused(unlike), Some(HttpRequestError(400)));
        assert!(parse(b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 200).is_ok());
        for bare in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(refused(bare), Some(HttpRequestError(400)), "{bare:?}");
        }
        for header in ["Doorstep-Signature", "doorstep-nonce", "Doorstep-Timestamp"] {
            let twice = format!("GET / HTTP/1.1\r\n{header}: a\r\nVia: b\r\n{header}: c\r\n\r\n");
            assert_eq!(refused(&twice), Some(HttpRequestError(400)), "{header}");
        }
        assert!(parse(b"GET / HTTP/1.1\r\nVia: a\r\nVia: b\r\n\r\n", 200).is_ok());
        assert_eq!(refused("\x16\x03\x01\r\n\r\n"), Some(HttpRequestError(400)));
    }
}
