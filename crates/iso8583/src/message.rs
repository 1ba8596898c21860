use std::fmt;
use std::ops::Range;

use crate::error::{FieldError, FieldRule};
use crate::field::Field;
use crate::mti::Mti;
use crate::packager::{FIELDS_MAX, Packager, bit};
use crate::spec::FieldLength;
use crate::text::FieldText;
use crate::wiped::WipedBytes;

/// MAC fields of ISO 8583: of a message with one bitmap, and with two.
pub(crate) const MAC_FIELDS: [u8; 2] = [64, 128];

/// Position of a value and its number of elements.
#[derive(Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) start: u16,
    pub(crate) elements: u16,
}

/// A received message. It borrows the received bytes; [`Packager::parse`] creates it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub(crate) packager: &'a Packager,
    pub(crate) bytes: &'a [u8],
    pub(crate) mti: Mti,
    /// Field 1 is the highest bit and never set: the second bitmap is not a field.
    pub(crate) present: u128,
    pub(crate) spans: [Span; FIELDS_MAX + 1],
}

impl<'a> Message<'a> {
    #[must_use]
    pub const fn mti(&self) -> Mti {
        self.mti
    }

    /// The packager that parsed the message.
    #[must_use]
    pub const fn packager(&self) -> &'a Packager {
        self.packager
    }

    /// The whole message as received.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[must_use]
    pub const fn has(&self, field: u8) -> bool {
        self.present & bit(field) != 0
    }

    /// The fields in order, without the second bitmap.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a, '_> {
        let mut left = self.present;
        std::iter::from_fn(move || {
            let field = u8::try_from(left.leading_zeros() + 1).ok()?;
            left &= !bit(field);
            self.get(field)
        })
    }

    #[must_use]
    pub fn get(&self, field: u8) -> Option<Field<'a>> {
        if !self.has(field) {
            return None;
        }
        let spec = self.packager.spec(field)?;
        let raw = self.bytes.get(self.place(field)?)?;
        let elements = usize::from(self.spans.get(usize::from(field))?.elements);
        Some(Field { id: field, spec, raw, elements, sensitive: self.packager.is_sensitive(field) })
    }

    /// A field that must be present.
    pub fn field(&self, field: u8) -> Result<Field<'a>, FieldError> {
        self.get(field).ok_or_else(|| {
            let name = self.packager.spec(field).map_or("", |spec| spec.name);
            FieldError { field, name, rule: FieldRule::Missing }
        })
    }

    /// [`Field::number`] of a field that must be present.
    pub fn number(&self, field: u8) -> Result<u64, FieldError> {
        self.field(field)?.number()
    }

    /// [`Field::signed`] of a field that must be present.
    pub fn signed(&self, field: u8) -> Result<i64, FieldError> {
        self.field(field)?.signed()
    }

    /// [`Field::digits`] of a field that must be present.
    pub fn digits<const N: usize>(&self, field: u8) -> Result<[u8; N], FieldError> {
        self.field(field)?.digits()
    }

    /// [`Field::text`] of a field that must be present.
    pub fn text(&self, field: u8) -> Result<FieldText<'a>, FieldError> {
        self.field(field)?.text()
    }

    /// [`Field::bytes`] of a field that must be present.
    pub fn bytes(&self, field: u8) -> Result<&'a [u8], FieldError> {
        self.field(field)?.bytes()
    }

    /// [`Field::block`] of a field that must be present.
    pub fn block<const N: usize>(&self, field: u8) -> Result<[u8; N], FieldError> {
        self.field(field)?.block()
    }

    /// The bytes that the MAC covers, as received: from the message type up to field 64 or 128.
    /// `None` if there is no MAC or fields follow it.
    #[must_use]
    pub fn mac_input(&self) -> Option<&'a [u8]> {
        let field = self.mac_field()?;
        let place = self.place(field)?;
        self.bytes.get(..place.start - self.count_bytes(field))
    }

    /// The received MAC. `None` if there is none, fields follow it, or it does not have eight
    /// bytes.
    #[must_use]
    pub fn mac(&self) -> Option<[u8; 8]> {
        self.get(self.mac_field()?)?.block().ok()
    }

    fn mac_field(&self) -> Option<u8> {
        MAC_FIELDS.into_iter().find(|field| {
            self.has(*field) && self.present.trailing_zeros() == bit(*field).trailing_zeros()
        })
    }

    pub(crate) fn sensitive_ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let fields = self.fields().filter(|field| field.sensitive);
        fields.filter_map(|field| self.place(field.id))
    }

    fn place(&self, field: u8) -> Option<Range<usize>> {
        let span = self.spans.get(usize::from(field))?;
        let start = usize::from(span.start);
        let bytes = self.packager.spec(field)?.encoded_bytes(usize::from(span.elements));
        Some(start..start + bytes)
    }

    fn count_bytes(&self, field: u8) -> usize {
        match self.packager.spec(field).map(|spec| spec.length) {
            Some(FieldLength::Variable { indicator: count, .. }) => count.size_bytes(),
            Some(FieldLength::Fixed(_)) | None => 0,
        }
    }
}

/// A received message with a copy of its bytes, which is wiped. It is not parsed again.
pub struct OwnedMessage {
    bytes: WipedBytes,
    packager: &'static Packager,
    mti: Mti,
    present: u128,
    spans: [Span; FIELDS_MAX + 1],
}

impl Message<'_> {
    /// A copy that outlives the received bytes.
    ///
    /// # Panics
    /// If another packager parsed the message.
    #[must_use]
    pub fn keep(&self, packager: &'static Packager) -> OwnedMessage {
        let Message { packager: parsed_by, bytes, mti, present, spans } = *self;
        assert!(std::ptr::eq(parsed_by, packager), "{} did not parse it", packager.name);
        OwnedMessage { bytes: WipedBytes::from(bytes.to_vec()), packager, mti, present, spans }
    }
}

impl OwnedMessage {
    #[must_use]
    pub fn message(&self) -> Message<'_> {
        let OwnedMessage { bytes, packager, mti, present, spans } = self;
        Message { packager, bytes, mti: *mti, present: *present, spans: *spans }
    }
}

/// Shows the type and the fields, without sensitive values.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.packager.name, self.mti)?;
        f.debug_set().entries(self.fields()).finish()
    }
}
