//! The files of the courier's phone. A worker keeps them, so that the phone works offline: they
//! have no digest in their addresses, and the worker's text changes with any of them.

use std::sync::LazyLock;

use office::Language;
use sha2::{Digest as _, Sha256};

use crate::assets::STYLE;
use crate::texts::{Texts, parse};

/// The address of the phone's page.
pub const PHONE_PATH: &str = "/phone";

/// A file of the phone.
#[derive(Debug)]
pub struct PhoneFile {
    pub path: &'static str,
    pub media: &'static str,
    content: PhoneContent,
}

#[derive(Debug)]
enum PhoneContent {
    Tree(&'static [u8]),
    Made(fn() -> &'static str),
}

impl PhoneFile {
    #[must_use]
    pub fn content(&self) -> &'static [u8] {
        match self.content {
            PhoneContent::Tree(bytes) => bytes,
            PhoneContent::Made(make) => make().as_bytes(),
        }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! tree {
    ($path:literal, $media:expr, $file:literal) => {
        PhoneFile {
            path: $path,
            media: $media,
            content: PhoneContent::Tree(include_bytes!(concat!("../phone/", $file))),
        }
    };
}

const fn made(path: &'static str, media: &'static str, make: fn() -> &'static str) -> PhoneFile {
    PhoneFile { path, media, content: PhoneContent::Made(make) }
}

/// All files. The reader and writer of QR codes is `qr` 0.7.0 as npm has it (MIT or Apache-2.0);
/// it is loaded where a code is shown, or read without the browser's own reader.
pub static PHONE_FILES: [PhoneFile; 19] = [
    tree!("/phone", "text/html; charset=utf-8", "index.html"),
    tree!("/phone/app.js", SCRIPT, "app.js"),
    tree!("/phone/screens.js", SCRIPT, "screens.js"),
    tree!("/phone/door.js", SCRIPT, "door.js"),
    tree!("/phone/pay.js", SCRIPT, "pay.js"),
    tree!("/phone/ui.js", SCRIPT, "ui.js"),
    tree!("/phone/store.js", SCRIPT, "store.js"),
    tree!("/phone/outbox.js", SCRIPT, "outbox.js"),
    tree!("/phone/tour.js", SCRIPT, "tour.js"),
    tree!("/phone/scan.js", SCRIPT, "scan.js"),
    tree!("/phone/manifest.webmanifest", "application/manifest+json", "manifest.webmanifest"),
    tree!("/phone/icon-192.png", "image/png", "icon-192.png"),
    tree!("/phone/icon-512.png", "image/png", "icon-512.png"),
    tree!("/phone/qr/decode.js", SCRIPT, "qr/qr-0.7.0-decode.mjs"),
    tree!("/phone/qr/index.js", SCRIPT, "qr/qr-0.7.0-index.mjs"),
    made("/phone/phone.css", "text/css; charset=utf-8", style),
    made("/phone/words.en.json", "application/json", || words(Language::En)),
    made("/phone/words.zh.json", "application/json", || words(Language::Zh)),
    made(WORKER_PATH, SCRIPT, worker),
];

const WORKER_PATH: &str = "/phone/worker.js";

/// The tokens of the console's style sheet, and the phone's own layers.
fn style() -> &'static str {
    static WHOLE: LazyLock<String> = LazyLock::new(|| {
        let begin = STYLE.text.find("@layer tokens {").unwrap_or_default();
        let tokens = &STYLE.text[begin..];
        let end = tokens.find("\n}\n").map_or(tokens.len(), |end| end + 3);
        [&tokens[..end], include_str!("../phone/phone.css")].concat()
    });
    &WHOLE
}

fn texts(language: Language) -> Texts {
    parse(match language {
        Language::En => include_str!("../texts/phone.en.toml"),
        Language::Zh => include_str!("../texts/phone.zh.toml"),
    })
}

fn words(language: Language) -> &'static str {
    static BOTH: LazyLock<[String; 2]> =
        LazyLock::new(|| [Language::En, Language::Zh].map(|language| json(&texts(language))));
    &BOTH[usize::from(language == Language::Zh)]
}

/// An object of texts.
fn json(texts: &Texts) -> String {
    let quoted = |text: &str| {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("\"{escaped}\"")
    };
    let pairs = texts.iter().map(|(key, text)| format!("{}:{}", quoted(key), quoted(text)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

/// The worker's script, with what it keeps and a digest of it.
fn worker() -> &'static str {
    static WHOLE: LazyLock<String> = LazyLock::new(|| {
        let kept = PHONE_FILES.iter().filter(|one| one.path != WORKER_PATH);
        let mut digest = Sha256::new();
        let mut paths = Vec::new();
        for one in kept {
            digest.update(one.content());
            paths.push(format!("\"{}\"", one.path));
        }
        let version = base16ct::lower::encode_string(&digest.finalize()[..8]);
        let script = include_str!("../phone/worker.js");
        format!("const VERSION = \"{version}\";\nconst FILES = [{}];\n{script}", paths.join(", "))
    });
    &WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::placeholders;

    /// What npm published in qr 0.7.0.
    const QR_SHA256: [(&str, &str); 2] = [
        ("/phone/qr/decode.js", "00e209820dcb11d624e9a03d6383e580766792b57d1651318f0a29e4e1ff0fe8"),
        ("/phone/qr/index.js", "a0de370051f94bd74f218f74401fdf197585e3f9ef0143164f87ea941a3fdd6f"),
    ];
    /// Of our own scripts, all together.
    const SCRIPT_BYTES_MAX: usize = 64 << 10;
    const STYLE_BYTES_MAX: usize = 16 << 10;
    /// Of all that the first visit loads, without the reader of QR codes.
    const FIRST_LOAD_BYTES_MAX: usize = 150_000;

    fn text(one: &'static PhoneFile) -> &'static str {
        std::str::from_utf8(one.content()).unwrap()
    }

    fn scripts() -> impl Iterator<Item = &'static PhoneFile> {
        let scripts = PHONE_FILES.iter().filter(|one| one.media == SCRIPT);
        scripts.filter(|one| !one.path.contains("/qr/"))
    }

    #[test]
    fn the_reader_of_qr_codes_is_the_published_one() {
        for (path, sha256) in QR_SHA256 {
            let file = PHONE_FILES.iter().find(|one| one.path == path).unwrap();
            let digest = Sha256::digest(file.content());
            assert_eq!(base16ct::lower::encode_string(&digest), sha256, "{path}");
        }
    }

    #[test]
    fn the_phone_is_small_and_has_nothing_inline() {
        let bytes: usize = scripts().map(|one| one.content().len()).sum();
        assert!(bytes <= SCRIPT_BYTES_MAX, "{bytes} bytes of scripts");
        assert!(style().len() <= STYLE_BYTES_MAX, "{} bytes of style", style().len());
        assert!(style().starts_with("@layer tokens {") && style().contains("--ground: light-dark"));
        let first = PHONE_FILES.iter().filter(|one| !one.path.contains("/qr/"));
        let first: usize = first.map(|one| one.content().len()).sum();
        assert!(first <= FIRST_LOAD_BYTES_MAX, "{first} bytes at the first visit");
        let page = text(&PHONE_FILES[0]);
        for inline in [" style=", "onclick=", "<script>", "<style"] {
            assert!(!page.contains(inline), "{inline}");
        }
    }

    #[test]
    fn both_languages_have_the_texts_that_the_scripts_use() {
        let [en, zh] = [Language::En, Language::Zh].map(texts);
        assert_eq!(en.keys().collect::<Vec<_>>(), zh.keys().collect::<Vec<_>>());
        for (key, text) in &en {
            assert_eq!(placeholders(text), placeholders(&zh[key]), "{key}");
        }
        let source: String = scripts().map(text).collect();
        for literal in source.split(" t(\"").skip(1) {
            let key = literal.split('"').next().unwrap();
            assert!(en.contains_key(key), "no text `{key}`");
        }
        // A key that is put together: t(`section.${name}`).
        let sections: Vec<&str> =
            source.split("t(`").skip(1).map(|rest| rest.split('$').next().unwrap()).collect();
        for key in en.keys() {
            let made = sections.iter().any(|section| key.starts_with(section));
            assert!(made || source.contains(&format!("\"{key}\"")), "no script has `{key}`");
        }
    }
}
