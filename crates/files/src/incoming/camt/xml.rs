//! XML as a stream of paths: `Stmt/Ntry/Amt` opened, and closed with its text.
//!
//! Namespaces are not compared: banks leave them out, or use prefixes of their own. A document type
//! and entities of its own are refused, so nothing is ever expanded.

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::super::FileFault;

/// Bytes of a tag with its attributes, or of a piece of text.
const EVENT_BYTES_MAX: usize = 64 << 10;
/// Bytes of an element's own text.
const TEXT_BYTES_MAX: usize = 64 << 10;
const DEPTH_MAX: usize = 40;

/// Counts lines, and stops when an event gets too long.
struct LimitedReader<R> {
    input: R,
    /// Line feeds that were read.
    lines: u32,
    /// Bytes since the last event.
    used: usize,
}

impl<R: BufRead> Read for LimitedReader<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let length = from.len().min(to.len());
        to[..length].copy_from_slice(&from[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for LimitedReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = EVENT_BYTES_MAX.saturating_sub(self.used);
        if left == 0 {
            return Err(io::Error::other("an event is too long"));
        }
        let bytes = self.input.fill_buf()?;
        Ok(&bytes[..bytes.len().min(left)])
    }

    fn consume(&mut self, length: usize) {
        if let Ok(bytes) = self.input.fill_buf() {
            let feeds = bytes.iter().take(length).filter(|byte| **byte == b'\n').count();
            self.lines = self.lines.saturating_add(u32::try_from(feeds).unwrap_or(u32::MAX));
        }
        self.used += length;
        self.input.consume(length);
    }
}

/// What happened to the element at the end of the path.
pub(super) enum XmlStep {
    Opened,
    Closed,
    /// The document has ended.
    Ended,
}

/// Why a document is not read further.
pub(super) enum XmlStop {
    Io(io::Error),
    Fault(FileFault),
}

pub(super) struct XmlPaths<R> {
    reader: Reader<LimitedReader<R>>,
    buffer: Vec<u8>,
    path: String,
    /// Where each element's name begins in `path`.
    starts: Vec<usize>,
    text: String,
    currency: Option<String>,
    /// The ISO 20022 name in a namespace of the document, such as `camt.053.001.08`.
    message: Option<String>,
    closed: bool,
    /// An empty element was opened, and is closed next.
    empty: bool,
    any: bool,
}

impl<R: BufRead> XmlPaths<R> {
    pub fn new(input: R) -> XmlPaths<R> {
        let mut reader = Reader::from_reader(LimitedReader { input, lines: 0, used: 0 });
        reader.config_mut().check_end_names = true;
        XmlPaths {
            reader,
            buffer: Vec::new(),
            path: String::new(),
            starts: Vec::new(),
            text: String::new(),
            currency: None,
            message: None,
            closed: false,
            empty: false,
            any: false,
        }
    }

    /// Where the last event ended.
    pub fn line(&mut self) -> u32 {
        self.reader.get_mut().lines.saturating_add(1)
    }

    /// The names from the root to the element, joined by `/`, without prefixes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text of the element that was closed, trimmed.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// The attribute `Ccy` of the last element that was opened.
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    pub fn next(&mut self) -> Result<XmlStep, XmlStop> {
        if std::mem::take(&mut self.closed) {
            let start = self.starts.pop().unwrap_or_default();
            self.path.truncate(start.saturating_sub(1));
            self.text.clear();
        }
        if std::mem::take(&mut self.empty) {
            self.closed = true;
            return Ok(XmlStep::Closed);
        }
        loop {
            self.buffer.clear();
            self.reader.get_mut().used = 0;
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(quick_xml::Error::Io(error)) if error.kind() == io::ErrorKind::Other => {
                    return Err(XmlStop::Fault(FileFault::TooLong(EVENT_BYTES_MAX)));
                }
                Err(quick_xml::Error::Io(error)) => {
                    return Err(XmlStop::Io(io::Error::new(error.kind(), error.to_string())));
                }
                Err(_) => return Err(XmlStop::Fault(FileFault::Xml)),
            };
            match event {
                Event::Start(start) => {
                    let opened = Opened::of(&start)?;
                    return self.open(opened);
                }
                Event::Empty(start) => {
                    let opened = Opened::of(&start)?;
                    self.empty = true;
                    return self.open(opened);
                }
                Event::End(_) => {
                    self.closed = true;
                    return Ok(XmlStep::Closed);
                }
                Event::Text(text) => append(&mut self.text, &text)?,
                Event::CData(text) => append(&mut self.text, &text)?,
                Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                    Ok(Some(c)) => append(&mut self.text, c.encode_utf8(&mut [0; 4]))?,
                    Ok(None) => {
                        let known = resolve_predefined_entity(&entity);
                        let known = known.ok_or(XmlStop::Fault(FileFault::Entities))?;
                        append(&mut self.text, known)?;
                    }
                    Err(_) => return Err(XmlStop::Fault(FileFault::Xml)),
                },
                Event::DocType(_) => return Err(XmlStop::Fault(FileFault::Entities)),
                Event::Decl(declaration) => {
                    let utf8 = match declaration.encoding() {
                        Some(Ok(encoding)) => encoding.eq_ignore_ascii_case("utf-8"),
                        Some(Err(_)) => false,
                        None => true,
                    };
                    if !utf8 {
                        return Err(XmlStop::Fault(FileFault::NotDecoded));
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if self.any && self.starts.is_empty() => return Ok(XmlStep::Ended),
                Event::Eof => return Err(XmlStop::Fault(FileFault::Xml)),
            }
        }
    }

    fn open(&mut self, opened: Opened) -> Result<XmlStep, XmlStop> {
        if self.starts.len() == DEPTH_MAX {
            return Err(XmlStop::Fault(FileFault::TooDeep(DEPTH_MAX)));
        }
        // A second root is not well formed.
        if self.any && self.starts.is_empty() {
            return Err(XmlStop::Fault(FileFault::Xml));
        }
        self.any = true;
        self.text.clear();
        self.currency = opened.currency;
        self.message = opened.message.or(self.message.take());
        if !self.starts.is_empty() {
            self.path.push('/');
        }
        self.starts.push(self.path.len());
        self.path.push_str(&opened.name);
        Ok(XmlStep::Opened)
    }
}

/// What is read of a start tag.
struct Opened {
    name: String,
    currency: Option<String>,
    message: Option<String>,
}

impl Opened {
    fn of(start: &BytesStart<'_>) -> Result<Opened, XmlStop> {
        let name = start.local_name().as_ref().to_owned();
        let (mut currency, mut message) = (None, None);
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| XmlStop::Fault(FileFault::Xml))?;
            let key: &str = attribute.key.as_ref();
            match key {
                "Ccy" => currency = Some(attribute.value.to_string()),
                "xmlns" => message = iso_name(&attribute.value).or(message),
                _ if key.starts_with("xmlns:") => {
                    message = message.or(iso_name(&attribute.value));
                }
                _ => {}
            }
        }
        Ok(Opened { name, currency, message })
    }
}

/// `camt.053.001.08` of `urn:iso:std:iso:20022:tech:xsd:camt.053.001.08`.
fn iso_name(namespace: &str) -> Option<String> {
    let name = namespace.rsplit(':').next()?;
    name.starts_with("camt.").then(|| name.to_owned())
}

fn append(text: &mut String, more: &str) -> Result<(), XmlStop> {
    if text.len() + more.len() > TEXT_BYTES_MAX {
        return Err(XmlStop::Fault(FileFault::TooLong(TEXT_BYTES_MAX)));
    }
    text.push_str(more);
    Ok(())
}
