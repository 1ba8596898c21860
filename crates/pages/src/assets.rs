//! Files of the pages: our style sheet and script, htmx, the icon. Each has an address with its
//! digest, so that a browser keeps it for ever and refuses another file.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// A file.
#[derive(Debug)]
pub struct Asset {
    pub name: &'static str,
    pub media: &'static str,
    pub text: &'static str,
    address: LazyLock<String>,
    integrity: LazyLock<String>,
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Of 32 bytes.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let part = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for place in 0..4 {
            let letter = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

macro_rules! asset {
    ($name:literal, $media:literal, $($file:literal)+) => {
        Asset {
            name: $name,
            media: $media,
            text: concat!($(include_str!(concat!("../assets/", $file))),+),
            address: LazyLock::new(|| {
                let digest =
                    Sha256::digest(concat!($(include_str!(concat!("../assets/", $file))),+));
                let digest = base16ct::lower::encode_string(&digest[..8]);
                format!("{ASSETS_PATH}{digest}/{}", $name)
            }),
            integrity: LazyLock::new(|| {
                let digest =
                    Sha256::digest(concat!($(include_str!(concat!("../assets/", $file))),+));
                format!("sha256-{}", base64(&digest))
            }),
        }
    };
}

/// Before the digest and the name of a file.
pub const ASSETS_PATH: &str = "/assets/";

pub static STYLE: Asset =
    asset!("console.css", "text/css; charset=utf-8", "base.css" "console.css");
pub static SHOP_STYLE: Asset = asset!("shop.css", "text/css; charset=utf-8", "base.css" "shop.css");
pub static PULSE_STYLE: Asset = asset!("pulse.css", "text/css; charset=utf-8", "pulse.css");
pub static SCRIPT: Asset = asset!("console.js", "text/javascript; charset=utf-8", "console.js");
/// htmx 2.0.11 as npm has it, 0BSD (assets/htmx-LICENSE.txt).
pub static HTMX: Asset = asset!("htmx.js", "text/javascript; charset=utf-8", "htmx-2.0.11.min.js");
pub static PASSKEYS: Asset = asset!("passkeys.js", "text/javascript; charset=utf-8", "passkeys.js");
pub static ICON: Asset = asset!("icon.svg", "image/svg+xml", "icon.svg");

/// All files.
pub static ASSETS: [&Asset; 7] =
    [&STYLE, &SHOP_STYLE, &PULSE_STYLE, &SCRIPT, &PASSKEYS, &HTMX, &ICON];

impl Asset {
    /// The address, which changes with the file.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// For the attribute `integrity`.
    #[must_use]
    pub fn integrity(&self) -> &str {
        &self.integrity
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What npm published: `dist/htmx.min.js` of htmx.org 2.0.11.
    const HTMX_SHA256: &str = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717";

    #[test]
    fn htmx_is_the_published_file() {
        assert_eq!(base16ct::lower::encode_string(&Sha256::digest(HTMX.text)), HTMX_SHA256);
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in
            [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_style_sheet_is_small_and_in_layers() {
        for sheet in [&STYLE, &SHOP_STYLE] {
            assert!(sheet.text.len() <= 30 << 10, "{}: {} bytes", sheet.name, sheet.text.len());
            assert!(sheet.text.starts_with("@layer "));
        }
    }

    /// The tokens of the style sheet in light and dark.
    fn tokens() -> BTreeMap<&'static str, [&'static str; 2]> {
        let lines = STYLE.text.lines().map(str::trim).filter_map(|line| line.strip_prefix("--"));
        let pairs = lines.filter_map(|line| line.split_once(": light-dark("));
        let pairs = pairs.filter_map(|(name, values)| {
            let (light, dark) = values.split_once(')')?.0.split_once(", ")?;
            Some((name, [light, dark]))
        });
        pairs.collect()
    }

    /// The relative luminance of WCAG 2.2.
    #[expect(clippy::float_arithmetic, reason = "a ratio of light, not money")]
    fn luminance(hex: &str) -> f64 {
        let part = |place: usize| {
            let byte = u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
            let value = f64::from(byte) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[expect(clippy::float_arithmetic, reason = "a ratio of light, not money")]
    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// A foreground, its grounds, and the least contrast: 4.5 for text, 3 for shapes (WCAG 1.4.3,
    /// 1.4.11).
    const PAIRS: [(&str, &[&str], f64); 16] = [
        ("ink", &["ground", "sheet", "well", "rail"], 7.0),
        ("ink-2", &["ground", "sheet", "well", "rail"], 4.5),
        ("accent", &["ground", "sheet", "well", "rail", "accent-soft"], 4.5),
        ("act", &["ground", "sheet", "well", "act-soft"], 4.5),
        ("wait", &["ground", "sheet", "well", "wait-soft"], 4.5),
        ("done", &["ground", "sheet", "well", "done-soft"], 4.5),
        ("move", &["ground", "sheet", "well", "move-soft"], 4.5),
        ("on-accent", &["accent"], 4.5),
        ("on-act", &["act"], 4.5),
        ("on-band", &["band"], 4.5),
        ("edge", &["sheet", "ground"], 3.0),
        ("s1", &["sheet"], 3.0),
        ("s2", &["sheet"], 3.0),
        ("s3", &["sheet"], 3.0),
        ("s4", &["sheet"], 3.0),
        ("ink", &["act-soft", "wait-soft", "done-soft", "move-soft", "accent-soft"], 4.5),
    ];

    #[test]
    fn every_text_and_shape_stands_out_in_light_and_dark_as_the_document_says() {
        let tokens = tokens();
        let document = include_str!("../../../docs/design.md");
        let mut rows = Vec::new();
        for (name, grounds, least) in PAIRS {
            for ground in grounds {
                let ratios =
                    [0, 1].map(|theme| contrast(tokens[name][theme], tokens[ground][theme]));
                for ratio in ratios {
                    assert!(ratio >= least, "{name} on {ground}: {ratio:.2} is less than {least}");
                }
                let [light, dark] = ratios;
                rows.push(format!("| `{name}` on `{ground}` | {light:.1} | {dark:.1} | {least} |"));
            }
        }
        let rows = rows.join("\n");
        assert!(document.contains(&rows), "docs/design.md needs these rows:\n{rows}");
    }
}
