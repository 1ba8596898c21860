//! Packagers: how one network writes its messages.

use crate::spec::FieldSpec;
use crate::wiped::SENSITIVE_FIELDS;

/// How the message type is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MtiEncoding {
    /// Four ASCII characters.
    Ascii,
    /// Four EBCDIC characters.
    Ebcdic,
    Bcd,
}

/// How a bitmap of 64 bits is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitmapEncoding {
    /// Eight bytes.
    Raw,
    /// Sixteen hexadecimal digits in ASCII.
    Hex,
    /// Sixteen hexadecimal digits in EBCDIC.
    HexEbcdic,
}

pub(crate) const FIELDS_MAX: usize = 128;

/// Defines the messages of one network: a table of fields, built in a constant.
///
/// ```
/// use iso8583::{
///     BitmapEncoding, FieldContent as C, FieldEncoding as E, FieldSpec, LengthIndicator,
///     MtiEncoding, Packager,
/// };
///
/// static OURS: Packager = Packager::new("ours", MtiEncoding::Bcd, BitmapEncoding::Raw)
///     .field(3, FieldSpec::fixed("processing code", C::N, 6, E::Bcd))
///     .field(63, FieldSpec::variable("note", C::Ans, 99, E::Ascii, LengthIndicator::LL_BCD))
///     .sensitive(63);
/// assert_eq!(OURS.spec(3).map(FieldSpec::name), Some("processing code"));
/// ```
#[derive(Debug)]
pub struct Packager {
    pub(crate) name: &'static str,
    pub(crate) mti: MtiEncoding,
    pub(crate) bitmap: BitmapEncoding,
    /// Whether the packager has fields above 64.
    pub(crate) secondary: bool,
    /// Sensitive fields as [`bit`]s.
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
        while index < SENSITIVE_FIELDS.len() {
            sensitive |= bit(SENSITIVE_FIELDS[index]);
            index += 1;
        }
        let fields = [None; FIELDS_MAX + 1];
        Packager { name, mti, bitmap, secondary: false, sensitive, fields }
    }

    /// Adds or replaces a field. A field above 64 adds the second bitmap.
    ///
    /// # Panics
    /// Unless the field is 2 to 128; field 1 is the second bitmap. In a constant this is a compile
    /// error.
    #[must_use]
    pub const fn field(mut self, field: u8, spec: FieldSpec) -> Packager {
        assert!(2 <= field && field as usize <= FIELDS_MAX, "a field number is 2 to 128");
        self.fields[field as usize] = Some(spec);
        self.secondary |= field > 64;
        self
    }

    /// Marks a field as sensitive: never shown, and wiped after use. The fields of
    /// [`SENSITIVE_FIELDS`] always are.
    #[must_use]
    pub const fn sensitive(mut self, field: u8) -> Packager {
        self.sensitive |= bit(field);
        self
    }

    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Definition of a field.
    #[must_use]
    pub fn spec(&self, field: u8) -> Option<&FieldSpec> {
        self.fields.get(usize::from(field))?.as_ref()
    }

    #[must_use]
    pub const fn is_sensitive(&self, field: u8) -> bool {
        self.sensitive & bit(field) != 0
    }
}
