//! XML with one element a line.

use std::fmt::Write;

pub(super) struct XmlWriter {
    out: String,
    open: Vec<&'static str>,
    line: u64,
}

impl XmlWriter {
    pub(super) fn new() -> XmlWriter {
        let out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        XmlWriter { out, open: Vec::new(), line: 2 }
    }

    /// Opens an element and returns its line, from 1.
    pub(super) fn open(&mut self, name: &'static str) -> u64 {
        self.line(&format!("<{name}>"));
        self.open.push(name);
        self.line - 1
    }

    pub(super) fn open_document(&mut self, namespace: &str) {
        self.line(&format!("<Document xmlns=\"{namespace}\">"));
        self.open.push("Document");
    }

    pub(super) fn close(&mut self) {
        let name = self.open.pop().expect("an element is open");
        self.line(&format!("</{name}>"));
    }

    /// An element with text, inside of others, each of which has nothing else.
    pub(super) fn leaf(&mut self, path: &[&'static str], text: &str) {
        let (name, around) = path.split_last().expect("an element has a name");
        around.iter().for_each(|name| {
            self.open(name);
        });
        self.line(&format!("<{name}>{}</{name}>", escaped(text)));
        around.iter().for_each(|_| self.close());
    }

    pub(super) fn amount(&mut self, name: &str, amount: &str, currency: &str) {
        self.line(&format!("<{name} Ccy=\"{currency}\">{amount}</{name}>"));
    }

    fn line(&mut self, text: &str) {
        let indent = self.open.len() * 2;
        // A text grows without errors.
        let _ = writeln!(self.out, "{:indent$}{text}", "");
        self.line += 1;
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        self.out.into_bytes()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
