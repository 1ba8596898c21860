//! Draws a QR symbol with half blocks. A character has two modules, one above the other, so that
//! modules are about square.

use fast_qr::{ECL, QRBuilder, QRCode};

use crate::error::{QrError, QrRule, TagLocation};

/// The empty border that scanners need (ISO/IEC 18004).
pub const QUIET_ZONE_MODULES: usize = 4;

const FULL: char = '\u{2588}';
const UPPER: char = '\u{2580}';
const LOWER: char = '\u{2584}';

/// The background of the picture. Many scanners read only dark modules on a light background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Background {
    /// Dark characters on light paper, for example a receipt: blocks are the dark modules.
    Light,
    /// Light characters on a dark screen: blocks are the light modules and the quiet zone.
    Dark,
}

/// A QR symbol with error correction M: up to 15 % of it may be damaged.
pub struct QrSymbol {
    // An array of 31 kB, too large for the stack.
    symbol: Box<QRCode>,
}

impl QrSymbol {
    /// The smallest symbol that holds the text.
    ///
    /// # Errors
    /// [`QrRule::SymbolCapacity`] if the text is too long. Never for a text of
    /// [`crate::QrCode::write`].
    pub fn of(text: &str) -> Result<QrSymbol, QrError> {
        match QRBuilder::new(text).ecl(ECL::M).build() {
            Ok(symbol) => Ok(QrSymbol { symbol: Box::new(symbol) }),
            Err(_) => Err(TagLocation::ROOT.violates(QrRule::SymbolCapacity { bytes: text.len() })),
        }
    }

    /// Modules per row and per column: 21 to 177.
    #[must_use]
    pub fn size(&self) -> usize {
        self.symbol.size
    }

    /// Whether a module is dark. Modules outside the symbol are light.
    #[must_use]
    pub fn is_dark(&self, row: usize, column: usize) -> bool {
        row < self.size() && column < self.size() && self.symbol[row][column].value()
    }

    /// Draws the symbol with its quiet zone. Each line ends with a newline.
    ///
    /// A line is as wide as [`QrSymbol::size`] and two quiet zones. The number of rows is odd, so
    /// the last line adds a row of quiet zone.
    #[must_use]
    pub fn render(&self, background: Background) -> String {
        let side = self.size() + 2 * QUIET_ZONE_MODULES;
        let mut picture = String::with_capacity(side.div_ceil(2) * (side * FULL.len_utf8() + 1));
        for row in (0..side).step_by(2) {
            for column in 0..side {
                let upper = self.is_drawn(row, column, background);
                let lower = self.is_drawn(row + 1, column, background);
                picture.push(match (upper, lower) {
                    (true, true) => FULL,
                    (true, false) => UPPER,
                    (false, true) => LOWER,
                    (false, false) => ' ',
                });
            }
            picture.push('\n');
        }
        picture
    }

    /// Whether a module is drawn as a block. Row and column count from the corner of the quiet
    /// zone.
    fn is_drawn(&self, row: usize, column: usize, background: Background) -> bool {
        let inside =
            row.checked_sub(QUIET_ZONE_MODULES).zip(column.checked_sub(QUIET_ZONE_MODULES));
        let dark = inside.is_some_and(|(row, column)| self.is_dark(row, column));
        dark == (background == Background::Light)
    }
}

/// Draws the QR symbol of a text: [`QrSymbol::of`], then [`QrSymbol::render`].
///
/// # Errors
/// [`QrRule::SymbolCapacity`] if the text is too long for a symbol.
pub fn render(text: &str, background: Background) -> Result<String, QrError> {
    Ok(QrSymbol::of(text)?.render(background))
}
