//! The code as a QR symbol, drawn with half blocks: two modules to a character, one above the
//! other, so that a module is about square.

use fast_qr::{ECL, QRBuilder, QRCode};

use crate::error::{Place, QrError, Rule};

/// The empty border that scanners need (ISO/IEC 18004).
pub const QUIET_ZONE_MODULES: usize = 4;

const FULL: char = '\u{2588}';
const UPPER: char = '\u{2580}';
const LOWER: char = '\u{2584}';

/// What a character is drawn on. Scanners want dark modules on light: many read nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ground {
    /// Dark characters on light paper, as on a receipt: the blocks are the dark modules.
    Light,
    /// Light characters on a dark screen: the blocks are the light modules and the quiet zone.
    Dark,
}

/// A QR symbol with error correction M: 15 in 100 of it may be dirty or torn.
pub struct Matrix {
    // The symbol is a fixed array of 31 kB, too much to move about on the stack.
    symbol: Box<QRCode>,
}

impl Matrix {
    /// The smallest symbol that holds a text.
    ///
    /// # Errors
    /// [`Rule::Picture`] where none does. Each text that [`crate::Code::write`] makes has one.
    pub fn of(text: &str) -> Result<Matrix, QrError> {
        match QRBuilder::new(text).ecl(ECL::M).build() {
            Ok(symbol) => Ok(Matrix { symbol: Box::new(symbol) }),
            Err(_) => Err(Place::CODE.breaks(Rule::Picture { bytes: text.len() })),
        }
    }

    /// Modules in a row, and rows: 21 to 177.
    #[must_use]
    pub fn size(&self) -> usize {
        self.symbol.size
    }

    /// Whether a module is dark. Those outside the symbol are light.
    #[must_use]
    pub fn is_dark(&self, row: usize, column: usize) -> bool {
        row < self.size() && column < self.size() && self.symbol[row][column].value()
    }

    /// The symbol with its quiet zone, each line ended by a newline.
    ///
    /// A line is [`Matrix::size`] and two quiet zones wide. The number of rows is odd, so the last
    /// line has one more row of quiet zone.
    #[must_use]
    pub fn picture(&self, ground: Ground) -> String {
        let side = self.size() + 2 * QUIET_ZONE_MODULES;
        let mut picture = String::with_capacity(side.div_ceil(2) * (side * FULL.len_utf8() + 1));
        for row in (0..side).step_by(2) {
            for column in 0..side {
                let upper = self.is_drawn(row, column, ground);
                let lower = self.is_drawn(row + 1, column, ground);
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

    /// Whether a module is a block, counted from the corner of the quiet zone.
    fn is_drawn(&self, row: usize, column: usize, ground: Ground) -> bool {
        let inside =
            row.checked_sub(QUIET_ZONE_MODULES).zip(column.checked_sub(QUIET_ZONE_MODULES));
        let dark = inside.is_some_and(|(row, column)| self.is_dark(row, column));
        dark == (ground == Ground::Light)
    }
}

/// The QR symbol of a text, drawn with half blocks: [`Matrix::picture`] of [`Matrix::of`].
///
/// # Errors
/// [`Rule::Picture`] where no symbol holds the text.
pub fn picture(text: &str, ground: Ground) -> Result<String, QrError> {
    Ok(Matrix::of(text)?.picture(ground))
}
