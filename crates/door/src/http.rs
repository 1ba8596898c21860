//! Just enough of HTTP/1.1 to hear what wallets say: one request after the other, with a length.

use httparse::{EMPTY_HEADER, Request, Status};

use crate::framing::Broken;

const HEADERS_MAX: usize = 32;

/// A request as it stands in the stream.
pub(crate) struct Asked<'b> {
    pub method: &'b str,
    pub path: &'b str,
    pub body: &'b [u8],
    /// Whether the connection stays open for another request.
    pub stays: bool,
    headers: [(&'b str, &'b [u8]); HEADERS_MAX],
}

impl<'b> Asked<'b> {
    /// What a header says; its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| *v)
    }
}

/// Why a request is not understood: the status to answer it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misunderstood(pub u16);

/// How long the request is that `bytes` begin with; nothing while it is not all there. What cannot
/// be a request is whole at once, so that it is answered.
pub(crate) fn whole(bytes: &[u8], bytes_max: usize) -> Result<Option<usize>, Broken> {
    match head(bytes) {
        Ok(Some((_, _, length))) if length > bytes_max => Ok(Some(bytes.len())),
        Ok(Some((_, _, length))) => Ok((bytes.len() >= length).then_some(length)),
        Ok(None) if bytes.len() > bytes_max => Err(Broken::Oversized),
        Ok(None) => Ok(None),
        Err(_) => Ok(Some(bytes.len())),
    }
}

/// Reads a request that [`whole`] has found.
pub(crate) fn read(bytes: &[u8], bytes_max: usize) -> Result<Asked<'_>, Misunderstood> {
    let (asked, begin, length) = head(bytes)?.ok_or(Misunderstood(400))?;
    if length > bytes_max {
        return Err(Misunderstood(413));
    }
    let body = bytes.get(begin..length).ok_or(Misunderstood(400))?;
    Ok(Asked { body, ..asked })
}

/// The head of a request, where its body begins, and where it ends.
fn head(bytes: &[u8]) -> Result<Option<(Asked<'_>, usize, usize)>, Misunderstood> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let begin = match request.parse(bytes) {
        Ok(Status::Complete(begin)) => begin,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Misunderstood(431)),
        Err(_) => return Err(Misunderstood(400)),
    };
    let (Some(method), Some(path)) = (request.method, request.path) else {
        return Err(Misunderstood(400));
    };
    let mut asked = Asked { method, path, body: &[], stays: true, headers: [("", &[]); _] };
    let mut length = None;
    for (header, place) in request.headers.iter().zip(&mut asked.headers) {
        *place = (header.name, header.value);
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Misunderstood(411));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            // Two lengths are the oldest trick to smuggle a request.
            if length.is_some() || header.value.is_empty() || header.value.len() > 9 {
                return Err(Misunderstood(400));
            }
            length = Some(decimal(header.value).ok_or(Misunderstood(400))?);
        }
        if header.name.eq_ignore_ascii_case("connection") {
            asked.stays = !header.value.eq_ignore_ascii_case(b"close");
        }
    }
    asked.stays &= request.version == Some(1);
    if length.is_none() && method == "POST" {
        return Err(Misunderstood(411));
    }
    Ok(Some((asked, begin, begin + length.unwrap_or(0))))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0_usize, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0'))
    })
}

/// The words of a status.
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

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: String,
    media: &'static str,
}

impl Answer {
    /// The whole response. `signature`: its header and what it says.
    pub(crate) fn bytes(&self, stays: bool, signature: Option<(&str, &str)>) -> Vec<u8> {
        let Answer { status, body, media } = self;
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

/// What was asked for.
pub(crate) fn json(body: &serde_json::Value) -> Answer {
    Answer { status: 200, body: body.to_string(), media: "application/json" }
}

/// A problem by RFC 9457.
pub(crate) fn problem(status: u16, detail: &str) -> Answer {
    let body = serde_json::json!({
        "type": "about:blank", "title": reason(status), "status": status, "detail": detail,
    });
    Answer { status, body: body.to_string(), media: "application/problem+json" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &[u8] = b"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}";

    #[test]
    fn a_request_is_whole_with_its_body() {
        for length in 0..POST.len() {
            assert_eq!(whole(&POST[..length], 999), Ok(None), "{length}");
        }
        assert_eq!(whole(POST, 999), Ok(Some(POST.len())));
        let asked = read(POST, 999).unwrap();
        assert_eq!((asked.method, asked.path, asked.body), ("POST", "/a", &b"{}"[..]));
        assert_eq!(asked.header("host"), Some(&b"b"[..]));
        assert!(asked.stays);
    }

    #[test]
    fn requests_that_could_be_two_are_refused() {
        let refused = |text: &str| read(text.as_bytes(), 200).err();
        let two = "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n{}";
        assert_eq!(refused(two), Some(Misunderstood(400)));
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(refused(chunked), Some(Misunderstood(411)));
        assert_eq!(refused("POST / HTTP/1.1\r\n\r\n"), Some(Misunderstood(411)));
        let signed = "POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}";
        assert_eq!(refused(signed), Some(Misunderstood(400)));
        let long = "POST / HTTP/1.1\r\nContent-Length: 999\r\n\r\n{}";
        assert_eq!(refused(long), Some(Misunderstood(413)));
        assert_eq!(refused("\x16\x03\x01\r\n\r\n"), Some(Misunderstood(400)));
    }
}
