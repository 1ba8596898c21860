//! A packager: how the messages of one network are written.

use crate::spec::FieldSpec;
use crate::wiped::SENSITIVE;

/// How the message type is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MtiEncoding {
    /// Four characters of ASCII.
    Ascii,
    /// Four characters of EBCDIC.
    Ebcdic,
    /// Two bytes.
    Bcd,
}

/// How a bitmap of 64 bits is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitmapEncoding {
    /// Eight bytes.
    Raw,
    /// Sixteen hexadecimal characters of ASCII.
    Hex,
    /// Sixteen hexadecimal characters of EBCDIC.
    HexEbcdic,
}

pub(crate) const FIELDS_MAX: usize = 128;

/// How the messages of one network are written: a table, made in a constant.
///
/// ```
/// use iso8583::{BitmapEncoding, Content, Count, Encoding, FieldSpec, MtiEncoding, Packager};
///
/// static OURS: Packager = Packager::new("ours", MtiEncoding::Bcd, BitmapEncoding::Raw)
///     .field(3, FieldSpec::fixed("processing code", Content::N, 6, Encoding::Bcd))
///     .field(63, FieldSpec::up_to("note", Content::Ans, 99, Encoding::Ascii, Count::LL_BCD))
///     .sensitive(63);
/// assert_eq!(OURS.spec(3).map(FieldSpec::name), Some("processing code"));
/// ```
#[derive(Debug)]
pub struct Packager {
    pub(crate) name: &'static str,
    pub(crate) mti: MtiEncoding,
    pub(crate) bitmap: BitmapEncoding,
    /// Whether there is a second bitmap, for the fields above 64.
    pub(crate) secondary: bool,
    /// The fields never shown and wiped after use, as [`bit`]s.
    pub(crate) sensitive: u128,
    pub(crate) fields: [Option<FieldSpec>; FIELDS_MAX + 1],
}

/// Field 1 is the highest bit, as in a bitmap.
pub(crate) const fn bit(field: u8) -> u128 {
    if field >= 1 && field as usize <= FIELDS_MAX { 1 << (FIELDS_MAX - field as usize) } else { 0 }
}

impl Packager {
    /// A packager without fields.
    #[must_use]
    pub const fn new(name: &'static str, mti: MtiEncoding, bitmap: BitmapEncoding) -> Packager {
        let mut sensitive = 0;
        let mut index = 0;
        while index < SENSITIVE.len() {
            sensitive |= bit(SENSITIVE[index]);
            index += 1;
        }
        let fields = [None; FIELDS_MAX + 1];
        Packager { name, mti, bitmap, secondary: false, sensitive, fields }
    }

    /// The same with one more field, or another one in its place. One above 64 brings the
    /// second bitmap with it.
    ///
    /// # Panics
    ///
    /// When the field is not 2 to 128; the first is the second bitmap. In a constant this is an
    /// error of the compiler.
    #[must_use]
    pub const fn field(mut self, field: u8, spec: FieldSpec) -> Packager {
        assert!(2 <= field && field as usize <= FIELDS_MAX, "a field is one of 2 to 128");
        self.fields[field as usize] = Some(spec);
        self.secondary |= field > 64;
        self
    }

    /// The same with one more field that is never shown and is wiped after use. Those of
    /// [`SENSITIVE`] always are.
    #[must_use]
    pub const fn sensitive(mut self, field: u8) -> Packager {
        self.sensitive |= bit(field);
        self
    }

    /// What the packager is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A field of the table.
    #[must_use]
    pub fn spec(&self, field: u8) -> Option<&FieldSpec> {
        self.fields.get(usize::from(field))?.as_ref()
    }

    /// Whether a field is never shown and is wiped after use.
    #[must_use]
    pub const fn is_sensitive(&self, field: u8) -> bool {
        self.sensitive & bit(field) != 0
    }
}
